!> Columns of a Jacobian by differences that stay inside a box.
module fitcore_bounded_differences
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_lm_types, only: jac_central, jac_complex
  use fitcore_differences, only: difference_points, difference_column
  implicit none (type, external)
  private
  public :: bounded_points, bounded_column

  ! How a column is made of the values at the two points.
  integer(ic), parameter :: made_two = 0        !< (f(plus) - f(minus)) / h
  integer(ic), parameter :: made_three = 1      !< from f(x), f(plus) and f(minus), on one side of x
  integer(ic), parameter :: made_none = 2       !< zero: the variable is fixed

contains

  !> The points along one variable at x; as difference_points, inside [lower, upper].
  !>
  !> A forward step that would leave is turned round, or where there is no room either shortened. A
  !> central difference for which there is no room becomes a one-sided one with three points, of
  !> the same order.
  pure subroutine bounded_points(scheme, epsfcn, x, size, lower, upper, plus, minus, h, made) &
      bind(c, name='fitcore_bounded_points')
    integer(ic), intent(in), value :: scheme       !< one of jac_*
    real(wp), intent(in), value :: epsfcn, x
    real(wp), intent(in), value :: size            !< what the step is relative to
    real(wp), intent(in), value :: lower, upper    !< with x between them
    real(wp), intent(out) :: plus, minus           !< the values to evaluate at
    real(wp), intent(out) :: h                     !< the divisor
    integer(ic), intent(out) :: made               !< for bounded_column
    real(wp) :: far, near

    made = made_none
    plus = x
    minus = x
    h = 1
    if (lower >= upper) return
    call difference_points(scheme, epsfcn, x, size, plus, minus, h)
    made = made_two
    if (scheme == jac_complex) return
    if (plus <= upper .and. minus >= lower) return

    if (scheme == jac_central) then
      made = made_three
      h = plus - x
      if (upper - x >= x - lower) then
        far = min(x + 2 * h, upper)
        near = x + (far - x) / 2
      else
        far = max(x - 2 * h, lower)
        near = x + (far - x) / 2
      end if
      plus = near
      minus = far
      h = far - x
      return
    end if
    if (x - (plus - x) >= lower) then
      plus = x - (plus - x)
    else if (upper - x >= x - lower) then
      plus = upper
    else
      plus = lower
    end if
    h = plus - x
  end subroutine bounded_points

  !> One column of the Jacobian from the residuals at the two points.
  pure subroutine bounded_column(m, made, fplus, fminus, f, h, column) &
      bind(c, name='fitcore_bounded_column')
    integer(ip), intent(in), value :: m
    integer(ic), intent(in), value :: made
    real(wp), intent(in), value :: h
    real(wp), intent(in) :: fplus(m), fminus(m)
    real(wp), intent(in) :: f(m)                   !< residuals at x, read for three points
    real(wp), intent(out) :: column(m)
    integer(ip) :: i

    select case (made)
    case (made_three)
      ! the parabola through the three points; the near one is half way to the far one
      do i = 1, m
        column(i) = (4 * (fplus(i) - f(i)) - (fminus(i) - f(i))) / h
      end do
    case (made_none)
      column = 0
    case default
      call difference_column(m, fplus, fminus, h, column)
    end select
  end subroutine bounded_column

end module fitcore_bounded_differences
