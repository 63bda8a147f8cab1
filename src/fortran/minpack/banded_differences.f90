!> Forward differences of a banded Jacobian, several columns from one evaluation (MINPACK's fdjac1).
!>
!> Curtis, Powell, Reid (1974), On the estimation of sparse Jacobian matrices, J. Inst. Maths
!> Applics 13: columns ml + mu + 1 apart have no row in common, so their variables move together.
!> A full Jacobian is the case of one column in each group. The groups are independent of each
!> other: a driver may evaluate them in any order.
module fitcore_banded_differences
  use fitcore_kinds, only: wp, ip
  use fitcore_differences, only: difference_points
  use fitcore_lm_types, only: jac_forward
  implicit none (type, external)
  private
  public :: column_groups, group_point, group_columns

contains

  !> Number of groups, which is the number of evaluations.
  pure integer(ip) function column_groups(n, ml, mu) bind(c, name='fitcore_column_groups')
    integer(ip), intent(in), value :: n, ml, mu
    column_groups = min(n, min(ml, n - 1) + min(mu, n - 1) + 1)
  end function column_groups

  !> The point of one group: x with every variable of the group moved by its step.
  pure subroutine group_point(n, groups, k, epsfcn, x, point) bind(c, name='fitcore_group_point')
    integer(ip), intent(in), value :: n, groups
    integer(ip), intent(in), value :: k            !< the group, from 1
    real(wp), intent(in), value :: epsfcn          !< relative error of the functions
    real(wp), intent(in) :: x(n)
    real(wp), intent(out) :: point(n)
    integer(ip) :: j
    real(wp) :: same, h

    point = x
    do j = k, n, groups
      call difference_points(jac_forward, epsfcn, x(j), abs(x(j)), point(j), same, h)
    end do
  end subroutine group_point

  !> The columns of one group from the functions f at its point and fvec at x.
  pure subroutine group_columns(n, groups, k, ml, mu, epsfcn, x, f, fvec, fjac) &
      bind(c, name='fitcore_group_columns')
    integer(ip), intent(in), value :: n, groups, k
    integer(ip), intent(in), value :: ml, mu       !< diagonals below and above the main one
    real(wp), intent(in), value :: epsfcn
    real(wp), intent(in) :: x(n), f(n), fvec(n)
    real(wp), intent(inout) :: fjac(n, n)
    integer(ip) :: i, j, first, last
    real(wp) :: plus, same, h

    do j = k, n, groups
      call difference_points(jac_forward, epsfcn, x(j), abs(x(j)), plus, same, h)
      first = 1
      last = n
      if (groups < n) then
        first = max(first, j - mu)
        last = min(last, j + ml)
      end if
      fjac(1:first - 1, j) = 0
      do i = first, last
        fjac(i, j) = (f(i) - fvec(i)) / h
      end do
      fjac(last + 1:n, j) = 0
    end do
  end subroutine group_columns

end module fitcore_banded_differences
