!> Inner products, norms and updates of vectors, at vector speed and in a fixed order.
!>
!> Each sum runs in `lanes` interleaved partial sums that are added pairwise at the end, so the
!> compiler may use vector registers although it must keep the order of every addition: the same
!> input gives the same bits at any alignment and on any number of threads.
module fitcore_vectors
  use fitcore_kinds, only: wp, ip, square_lo, square_hi
  implicit none (type, external)
  private
  public :: dot, sum_squares, norm, axpy, total, greatest, least

  integer(ip), parameter :: lanes = 8

contains

  !> Sum of the partial sums, pairwise.
  pure real(wp) function fold(s)
    real(wp), intent(in) :: s(lanes)
    fold = ((s(1) + s(5)) + (s(3) + s(7))) + ((s(2) + s(6)) + (s(4) + s(8)))
  end function fold

  !> Inner product of a(n) and b(n).
  pure real(wp) function dot(n, a, b)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n), b(n)
    real(wp) :: s(lanes)
    integer(ip) :: i, whole

    s = 0
    whole = n - modulo(n, lanes)
    do i = 1, whole, lanes
      s = s + a(i:i + lanes - 1) * b(i:i + lanes - 1)
    end do
    do i = whole + 1, n
      s(i - whole) = s(i - whole) + a(i) * b(i)
    end do
    dot = fold(s)
  end function dot

  !> Sum of the squares of a(n), without protection against overflow.
  pure real(wp) function sum_squares(n, a)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n)
    real(wp) :: s(lanes)
    integer(ip) :: i, whole

    s = 0
    whole = n - modulo(n, lanes)
    do i = 1, whole, lanes
      s = s + a(i:i + lanes - 1)**2
    end do
    do i = whole + 1, n
      s(i - whole) = s(i - whole) + a(i)**2
    end do
    sum_squares = fold(s)
  end function sum_squares

  !> Euclidean norm of a(n) that neither overflows nor underflows (the role of MINPACK's enorm).
  !>
  !> One pass where the plain sum of squares is safe, else a second one that keeps the greatest
  !> element as a scale (Blackford et al. 2002, TOMS 28(2), the reference DNRM2). One infinite
  !> element gives infinity; several, or a NaN, give NaN, which is what MINPACK makes of them.
  pure real(wp) function norm(n, a) bind(c, name='fitcore_norm')
    integer(ip), intent(in), value :: n
    real(wp), intent(in) :: a(n)
    real(wp) :: ss, scale, x
    integer(ip) :: i

    ss = sum_squares(n, a)
    if (ss >= square_lo .and. ss <= square_hi) then
      norm = sqrt(ss)
      return
    end if
    scale = 0
    ss = 0
    do i = 1, n
      x = abs(a(i))
      if (x <= 0) cycle
      if (x > scale) then
        ss = 1 + ss * (scale / x)**2
        scale = x
      else
        ss = ss + (x / scale)**2
      end if
    end do
    norm = scale * sqrt(ss)
  end function norm

  !> Sum of the elements.
  pure real(wp) function total(n, a)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n)
    real(wp) :: s(lanes)
    integer(ip) :: i, whole

    s = 0
    whole = n - modulo(n, lanes)
    do i = 1, whole, lanes
      s = s + a(i:i + lanes - 1)
    end do
    do i = whole + 1, n
      s(i - whole) = s(i - whole) + a(i)
    end do
    total = fold(s)
  end function total

  !> Greatest element; a NaN is passed over.
  pure real(wp) function greatest(n, a)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n)
    real(wp) :: s(lanes)
    integer(ip) :: i, whole

    s = -huge(s)
    whole = n - modulo(n, lanes)
    do i = 1, whole, lanes
      s = merge(a(i:i + lanes - 1), s, a(i:i + lanes - 1) > s)
    end do
    do i = whole + 1, n
      if (a(i) > s(1)) s(1) = a(i)
    end do
    greatest = maxval(s)
  end function greatest

  !> Least element; a NaN is passed over.
  pure real(wp) function least(n, a)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n)
    real(wp) :: s(lanes)
    integer(ip) :: i, whole

    s = huge(s)
    whole = n - modulo(n, lanes)
    do i = 1, whole, lanes
      s = merge(a(i:i + lanes - 1), s, a(i:i + lanes - 1) < s)
    end do
    do i = whole + 1, n
      if (a(i) < s(1)) s(1) = a(i)
    end do
    least = minval(s)
  end function least

  !> y(n) <- y + t x(n).
  pure subroutine axpy(n, t, x, y)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: t, x(n)
    real(wp), intent(inout) :: y(n)
    integer(ip) :: i

    do i = 1, n
      y(i) = y(i) + t * x(i)
    end do
  end subroutine axpy

end module fitcore_vectors
