!> Whether a Jacobian agrees with its function, the role of MINPACK's chkder.
!>
!> Moré, Garbow, Hillstrom (1980), User Guide for MINPACK-1, ANL-80-74, routine CHKDER.
module fitcore_check_derivatives
  use fitcore_kinds, only: wp, ip, eps
  implicit none (type, external)
  private
  public :: check_point, check_errors

contains

  !> A point near x at which the function is wanted as well.
  pure subroutine check_point(n, x, xp) bind(c, name='fitcore_check_point')
    integer(ip), intent(in), value :: n
    real(wp), intent(in) :: x(n)
    real(wp), intent(out) :: xp(n)
    real(wp) :: step
    integer(ip) :: j

    do j = 1, n
      step = sqrt(eps) * abs(x(j))
      if (.not. abs(step) > 0) step = sqrt(eps)
      xp(j) = x(j) + step
    end do
  end subroutine check_point

  !> For each component 1 where its gradient is correct, 0 where it is not, and between them as
  !> many digits agree, on a logarithmic scale.
  !>
  !> The change of the function from x to xp is compared with the directional derivative, in units
  !> of the component's own size. A component that is zero, or does not change, gets 0.
  pure subroutine check_errors(m, n, x, fvec, fjac, fvecp, err) &
      bind(c, name='fitcore_check_errors')
    integer(ip), intent(in), value :: m, n
    real(wp), intent(in) :: x(n), fvec(m), fjac(m, n)
    real(wp), intent(in) :: fvecp(m)               !< the function at check_point's xp
    real(wp), intent(out) :: err(m)
    real(wp), parameter :: noise = 100 * eps       !< relative change that means nothing
    real(wp) :: step, scale, change, difference
    integer(ip) :: i, j

    step = sqrt(eps)
    err = 0
    do j = 1, n
      scale = abs(x(j))
      if (.not. scale > 0) scale = 1
      do i = 1, m
        err(i) = err(i) + scale * fjac(i, j)
      end do
    end do
    do i = 1, m
      change = fvecp(i) - fvec(i)
      difference = 1
      if (abs(fvec(i)) > 0 .and. abs(fvecp(i)) > 0 .and. abs(change) >= noise * abs(fvec(i))) &
        difference = step * abs(change / step - err(i)) / (abs(fvec(i)) + abs(fvecp(i)))
      err(i) = 1
      if (difference > eps .and. difference < step) &
        err(i) = (log10(difference) - log10(step)) / log10(step)
      if (difference >= step) err(i) = 0
    end do
  end subroutine check_errors

end module fitcore_check_derivatives
