!> Columns of a Jacobian by differences.
!>
!> The columns of one Jacobian are independent of each other: a driver may evaluate them in any
!> order, at once, or in threads, each into its own column.
module fitcore_differences
  use fitcore_kinds, only: wp, ip, ic, eps, dwarf
  use fitcore_lm_types, only: jac_forward, jac_central, jac_complex
  implicit none (type, external)
  private
  public :: difference_points, difference_column, finish_column

contains

  !> The points along one variable at x, and the divisor of the difference.
  !>
  !> Forward differences take MINPACK's step sqrt(max(epsfcn, eps)) |x| (ANL-80-74, FDJAC2);
  !> central ones max(epsfcn, eps)**(1/3) |x|, the balance of truncation and rounding for a third
  !> derivative of the function's own size (Dennis, Schnabel 1996, section 5.6). `size` stands for
  !> |x| where that does not tell the scale of the variable, as for the angle that stands for a
  !> bounded one; where it is 0 the step is relative to 1. For complex steps h is the imaginary
  !> part, small enough to be exact (Squire, Trapp 1998, SIAM Review 40(1)).
  pure subroutine difference_points(scheme, epsfcn, x, size, plus, minus, h) &
      bind(c, name='fitcore_difference_points')
    integer(ic), intent(in), value :: scheme       !< one of jac_*
    real(wp), intent(in), value :: epsfcn, x
    real(wp), intent(in), value :: size            !< what the step is relative to; |x| for MINPACK
    real(wp), intent(out) :: plus, minus           !< the values to evaluate at
    real(wp), intent(out) :: h                     !< difference of the function is divided by h
    real(wp) :: step, scale

    scale = size
    if (.not. scale > 0) scale = 1
    select case (scheme)
    case (jac_central)
      step = max(max(epsfcn, eps)**(1.0_wp / 3.0_wp) * scale, dwarf)
      plus = x + step
      minus = x - step
      h = plus - minus                             ! the step as the machine took it
    case (jac_complex)
      h = max(1.0e-100_wp * scale, 1.0e-200_wp)
      plus = x
      minus = x
    case default
      step = sqrt(max(epsfcn, eps)) * scale
      if (.not. step > 0) step = sqrt(max(epsfcn, eps))
      plus = x + step
      minus = x
      h = step
      if (size < abs(x)) h = plus - x              ! MINPACK's steps are long enough without this
      if (.not. h > 0) then
        plus = x + spacing(x)
        h = plus - x
      end if
    end select
  end subroutine difference_points

  !> One column: (fplus - fminus) / h. With h = 1 it is left to be divided later.
  pure subroutine difference_column(m, fplus, fminus, h, column) &
      bind(c, name='fitcore_difference_column')
    integer(ip), intent(in), value :: m
    real(wp), intent(in), value :: h
    real(wp), intent(in) :: fplus(m), fminus(m)
    real(wp), intent(out) :: column(m)
    integer(ip) :: i

    do i = 1, m
      column(i) = fplus(i) - fminus(i)
    end do
    call divide(m, h, column)
  end subroutine difference_column

  !> As difference_column, where the column itself holds fplus.
  pure subroutine finish_column(m, fminus, h, column) bind(c, name='fitcore_finish_column')
    integer(ip), intent(in), value :: m
    real(wp), intent(in), value :: h
    real(wp), intent(in) :: fminus(m)
    real(wp), intent(inout) :: column(m)
    integer(ip) :: i

    do i = 1, m
      column(i) = column(i) - fminus(i)
    end do
    call divide(m, h, column)
  end subroutine finish_column

  !> column <- column / h.
  pure subroutine divide(m, h, column)
    integer(ip), intent(in) :: m
    real(wp), intent(in) :: h
    real(wp), intent(inout) :: column(m)
    integer(ip) :: i

    if (h >= 1 .and. h <= 1) return
    do i = 1, m
      column(i) = column(i) / h
    end do
  end subroutine divide

end module fitcore_differences
