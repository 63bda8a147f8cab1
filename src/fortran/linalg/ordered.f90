!> Sums in the order of the elements, which is MINPACK's: the same bits as the original gives.
!>
!> The hybrid method feeds its own rounding errors back through every update of the factors, so a
!> last bit soon decides a count of evaluations. Its matrices are square and small, where the order
!> of a sum costs little: speed comes from four sums at once instead of parts of one.
module fitcore_ordered
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: dot_in_order, norm_in_order, products

  ! MINPACK squares what lies between these.
  real(wp), parameter :: least_square = 3.834e-20_wp
  real(wp), parameter :: largest_square = 1.304e19_wp

contains

  !> Inner product of a(n) and b(n).
  pure real(wp) function dot_in_order(n, a, b) result(s)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n), b(n)
    integer(ip) :: i

    s = 0
    do i = 1, n
      s = s + a(i) * b(i)
    end do
  end function dot_in_order

  !> Euclidean norm of a(n) that neither overflows nor underflows (the role of MINPACK's enorm).
  !>
  !> Elements of middle size are squared as they are; the small and the large ones relative to the
  !> greatest of them so far, each in a sum of its own (ANL-80-74, routine ENORM; Blue 1978, TOMS
  !> 4(1)). Infinity and NaN give infinity or NaN.
  pure real(wp) function norm_in_order(n, a) result(length)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n)
    real(wp) :: large, middle, small, top, top_small, limit, x
    integer(ip) :: i

    large = 0
    middle = 0
    small = 0
    top = 0
    top_small = 0
    limit = largest_square / real(n, wp)
    do i = 1, n
      x = abs(a(i))
      if (x >= limit) then
        call add_scaled(x, top, large)
      else if (x <= least_square) then
        if (x > 0) call add_scaled(x, top_small, small)
      else
        middle = middle + x**2
      end if
    end do

    if (.not. large <= 0) then                     ! NaN too: infinity twice
      length = top * sqrt(large + (middle / top) / top)
    else if (middle <= 0) then
      length = top_small * sqrt(small)
    else if (middle < top_small) then
      length = sqrt(top_small * ((middle / top_small) + (top_small * small)))
    else
      length = sqrt(middle * (1 + (top_small / middle) * (top_small * small)))
    end if
  end function norm_in_order

  !> Add (x / top)**2 to a sum of squares relative to `top`, which grows to x where that is greater.
  pure subroutine add_scaled(x, top, s)
    real(wp), intent(in) :: x
    real(wp), intent(inout) :: top, s

    if (x > top) then
      s = 1 + s * (top / x)**2
      top = x
    else
      s = s + (x / top)**2
    end if
  end subroutine add_scaled

  !> s(k) <- A^T b for the m by k matrix A, four columns at a time.
  pure subroutine products(m, k, a, lda, b, s)
    integer(ip), intent(in) :: m, k
    integer(ip), intent(in) :: lda                 !< leading dimension of a, at least m
    real(wp), intent(in) :: a(lda, *), b(m)
    real(wp), intent(out) :: s(k)
    real(wp) :: s1, s2, s3, s4
    integer(ip) :: i, j

    do j = 1, k - 3, 4
      s1 = 0
      s2 = 0
      s3 = 0
      s4 = 0
      do i = 1, m
        s1 = s1 + a(i, j) * b(i)
        s2 = s2 + a(i, j + 1) * b(i)
        s3 = s3 + a(i, j + 2) * b(i)
        s4 = s4 + a(i, j + 3) * b(i)
      end do
      s(j) = s1
      s(j + 1) = s2
      s(j + 2) = s3
      s(j + 3) = s4
    end do
    do j = k - modulo(k, 4_ip) + 1, k
      s(j) = dot_in_order(m, a(1:m, j), b)
    end do
  end subroutine products

end module fitcore_ordered
