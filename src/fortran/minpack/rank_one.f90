!> The QR factors of A + (Q v) u^T from those of A, in O(n**2) operations (the roles of MINPACK's
!> r1updt and r1mpyq).
!>
!> Gill, Golub, Murray, Saunders (1974), Methods for modifying matrix factorizations, Math. Comp.
!> 28, section 5. A rotation is kept as one number: Stewart (1976), The economical storage of plane
!> rotations, Numer. Math. 25.
module fitcore_rank_one
  use fitcore_kinds, only: wp, ip, giant
  use fitcore_square_qr, only: row_start
  implicit none (type, external)
  private
  public :: update_triangle, apply_rotations

contains

  !> R <- G (R + v u^T), upper triangular again, G a product of 2 n - 2 rotations.
  !>
  !> The first n - 1 of them, in planes (j, n) with j falling, turn v to a multiple of the last
  !> unit vector and R into a triangle with a full last row, on which alone the update falls; the
  !> others, with j rising, make that row vanish.
  pure subroutine update_triangle(n, r, u, v, w)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: r(n * (n + 1) / 2)  !< R, packed by rows
    real(wp), intent(in) :: u(n)
    real(wp), intent(inout) :: v(n)                !< v; then the first rotations
    real(wp), intent(out) :: w(n)                  !< the other rotations; w(n) is scratch
    integer(ip) :: i, j, l
    real(wp) :: c, s, t, code

    w(n) = r(row_start(n, n))
    do j = n - 1, 1, -1
      w(j) = 0
      if (.not. abs(v(j)) > 0) cycle
      call rotation(v(n), v(j), c, s, code)
      v(n) = s * v(j) + c * v(n)
      v(j) = code
      l = row_start(n, j) - j
      do i = j, n
        t = c * r(l + i) - s * w(i)
        w(i) = s * r(l + i) + c * w(i)
        r(l + i) = t
      end do
    end do

    w = w + v(n) * u

    do j = 1, n - 1
      if (.not. abs(w(j)) > 0) cycle
      l = row_start(n, j) - j
      call rotation(r(l + j), w(j), c, s, code)
      do i = j, n
        t = c * r(l + i) + s * w(i)
        w(i) = -s * r(l + i) + c * w(i)
        r(l + i) = t
      end do
      w(j) = code
    end do
    r(row_start(n, n)) = w(n)
  end subroutine update_triangle

  !> A <- A G^T for the m by n matrix A and the rotations of update_triangle.
  pure subroutine apply_rotations(m, n, a, v, w)
    integer(ip), intent(in) :: m, n
    real(wp), intent(inout) :: a(m, n)
    real(wp), intent(in) :: v(n), w(n)
    integer(ip) :: i, j
    real(wp) :: c, s, t

    do j = n - 1, 1, -1
      call decode(v(j), c, s)
      do i = 1, m
        t = c * a(i, j) - s * a(i, n)
        a(i, n) = s * a(i, j) + c * a(i, n)
        a(i, j) = t
      end do
    end do
    do j = 1, n - 1
      call decode(w(j), c, s)
      do i = 1, m
        t = c * a(i, j) + s * a(i, n)
        a(i, n) = -s * a(i, j) + c * a(i, n)
        a(i, j) = t
      end do
    end do
  end subroutine apply_rotations

  !> Cosine and sine of the rotation that takes (a, b) to (length, 0), for b other than zero.
  pure subroutine rotation(a, b, c, s, code)
    real(wp), intent(in) :: a, b
    real(wp), intent(out) :: c, s
    real(wp), intent(out) :: code                  !< the sine, or 1 / cosine where that is smaller
    real(wp) :: ratio

    if (abs(a) < abs(b)) then
      ratio = a / b
      s = 0.5_wp / sqrt(0.25_wp + 0.25_wp * ratio**2)
      c = s * ratio
      code = 1                                     ! a right angle, for a cosine below 1 / giant
      if (abs(c) * giant > 1) code = 1 / c
    else
      ratio = b / a
      c = 0.5_wp / sqrt(0.25_wp + 0.25_wp * ratio**2)
      s = c * ratio
      code = s
    end if
  end subroutine rotation

  !> Cosine and sine from the one number that `rotation` makes of them.
  pure subroutine decode(code, c, s)
    real(wp), intent(in) :: code
    real(wp), intent(out) :: c, s

    if (abs(code) > 1) then
      c = 1 / code
      s = sqrt(1 - c**2)
    else
      s = code
      c = sqrt(1 - s**2)
    end if
  end subroutine decode

end module fitcore_rank_one
