! The four routines of the BLAS, level 1, that L-BFGS-B 3.0 calls, for builds from sources without
! blas.f. Their interface is that of C. L. Lawson, R. J. Hanson, D. R. Kincaid, F. T. Krogh, Basic
! Linear Algebra Subprograms for Fortran usage, ACM Trans. Math. Softw. 5(3), 308-323 (1979).
!
! A vector of n elements with increment inc begins at element 1, or with inc < 0 at its far end.

! y := a x + y
pure subroutine daxpy(n, a, x, incx, y, incy)
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none (type, external)
  integer, intent(in) :: n, incx, incy
  real(real64), intent(in) :: a, x(*)
  real(real64), intent(inout) :: y(*)
  integer :: i, ix, iy
  ix = merge(1, 1 + (1 - n)*incx, incx > 0)
  iy = merge(1, 1 + (1 - n)*incy, incy > 0)
  do i = 1, n
    y(iy) = y(iy) + a*x(ix)
    ix = ix + incx
    iy = iy + incy
  end do
end subroutine daxpy

! y := x
pure subroutine dcopy(n, x, incx, y, incy)
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none (type, external)
  integer, intent(in) :: n, incx, incy
  real(real64), intent(in) :: x(*)
  real(real64), intent(inout) :: y(*)
  integer :: i, ix, iy
  ix = merge(1, 1 + (1 - n)*incx, incx > 0)
  iy = merge(1, 1 + (1 - n)*incy, incy > 0)
  do i = 1, n
    y(iy) = x(ix)
    ix = ix + incx
    iy = iy + incy
  end do
end subroutine dcopy

! The inner product of x and y.
pure function ddot(n, x, incx, y, incy) result(total)
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none (type, external)
  integer, intent(in) :: n, incx, incy
  real(real64), intent(in) :: x(*), y(*)
  real(real64) :: total
  integer :: i, ix, iy
  ix = merge(1, 1 + (1 - n)*incx, incx > 0)
  iy = merge(1, 1 + (1 - n)*incy, incy > 0)
  total = 0
  do i = 1, n
    total = total + x(ix)*y(iy)
    ix = ix + incx
    iy = iy + incy
  end do
end function ddot

! x := a x
pure subroutine dscal(n, a, x, incx)
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none (type, external)
  integer, intent(in) :: n, incx
  real(real64), intent(in) :: a
  real(real64), intent(inout) :: x(*)
  integer :: i
  do i = 1, 1 + (n - 1)*incx, max(incx, 1)
    x(i) = a*x(i)
  end do
end subroutine dscal
