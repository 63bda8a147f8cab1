!> Systems with an upper triangle R, for small orders: sums go in the order of the elements.
module fitcore_triangular
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: solve_upper, solve_upper_transposed

contains

  !> x <- R^{-1} x for the leading k by k triangle of R, columnwise.
  pure subroutine solve_upper(k, r, ldr, x)
    integer(ip), intent(in) :: k, ldr
    real(wp), intent(in) :: r(ldr, *)
    real(wp), intent(inout) :: x(k)
    integer(ip) :: j

    do j = k, 1, -1
      x(j) = x(j) / r(j, j)
      x(1:j - 1) = x(1:j - 1) - r(1:j - 1, j) * x(j)
    end do
  end subroutine solve_upper

  !> x <- R^{-T} x for the leading k by k triangle of R.
  pure subroutine solve_upper_transposed(k, r, ldr, x)
    integer(ip), intent(in) :: k, ldr
    real(wp), intent(in) :: r(ldr, *)
    real(wp), intent(inout) :: x(k)
    integer(ip) :: i, j
    real(wp) :: t

    do j = 1, k
      t = 0
      do i = 1, j - 1
        t = t + r(i, j) * x(i)
      end do
      x(j) = (x(j) - t) / r(j, j)
    end do
  end subroutine solve_upper_transposed

end module fitcore_triangular
