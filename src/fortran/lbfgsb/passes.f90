!> The two passes over S and Y that an iteration needs.
!>
!> Both walk down the rows in blocks that stay in the cache, so that each column of S and Y is
!> read once in a pass: first all inner products with the new s and y and with the projected
!> gradient, fused with storing the correction; then, when the small systems are solved, the new
!> point with all that follows it.
module fitcore_lb_passes
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_bounds, only: kb, nbd_none, nbd_both
  use fitcore_lb_compact, only: ring
  use fitcore_vectors, only: dot, sum_squares
  implicit none (type, external)
  private
  public :: store_and_multiply, direction_pass, bounded_pass

  integer(ip), parameter :: block_rows = 1024

contains

  !> s <- stp s, y <- g - y_old; store them as column `tail` of S and Y; and for the j-th
  !> correction from the oldest on, j = 1..col, the products of its s_j and y_j with s, y and v.
  pure subroutine store_and_multiply(n, m, ws, wy, col, head, tail, stp, g, s, y, v, ps, py)
    integer(ip), intent(in) :: n, m, col, head, tail
    real(wp), intent(inout) :: ws(n, m), wy(n, m)
    real(wp), intent(in) :: stp, g(n)
    real(wp), intent(inout) :: s(n)                !< direction; then s
    real(wp), intent(inout) :: y(n)                !< gradient at the last iterate; then y
    real(wp), intent(in) :: v(n)
    real(wp), intent(out) :: ps(3, col), py(3, col)  !< s_j, y_j times (s, y, v)
    integer(ip) :: first, last, rows, i, j, p

    ps = 0
    py = 0
    do first = 1, n, block_rows
      last = min(n, first + block_rows - 1)
      rows = last - first + 1
      do i = first, last
        s(i) = stp * s(i)
        y(i) = g(i) - y(i)
        ws(i, tail) = s(i)
        wy(i, tail) = y(i)
      end do
      do j = 1, col
        p = ring(head, j, m)
        call triple_dot(rows, ws(first:last, p), s(first:last), y(first:last), v(first:last), ps(:, j))
        call triple_dot(rows, wy(first:last, p), s(first:last), y(first:last), v(first:last), py(:, j))
      end do
    end do
  end subroutine store_and_multiply

  !> total <- total + (a.x, a.y, a.z).
  pure subroutine triple_dot(n, a, x, y, z, total)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n), x(n), y(n), z(n)
    real(wp), intent(inout) :: total(3)
    real(wp) :: x1, y1, z1, x2, y2, z2
    integer(ip) :: i, half

    x1 = 0
    y1 = 0
    z1 = 0
    x2 = 0
    y2 = 0
    z2 = 0
    half = n / 2
    !$omp simd reduction(+:x1, y1, z1, x2, y2, z2)
    do i = 1, half
      x1 = x1 + a(i) * x(i)
      y1 = y1 + a(i) * y(i)
      z1 = z1 + a(i) * z(i)
      x2 = x2 + a(i + half) * x(i + half)
      y2 = y2 + a(i + half) * y(i + half)
      z2 = z2 + a(i + half) * z(i + half)
    end do
    do i = 2 * half + 1, n
      x1 = x1 + a(i) * x(i)
      y1 = y1 + a(i) * y(i)
      z1 = z1 + a(i) * z(i)
    end do
    total = total + [x1 + x2, y1 + y2, z1 + z2]
  end subroutine triple_dot

  !> z = x + (-g + Y a + S b) / theta, and d = z - x with g^T d and d^T d.
  pure subroutine direction_pass(n, m, ws, wy, col, head, theta, a, b, x, g, z, d, gd, dtd)
    integer(ip), intent(in) :: n, m, col, head
    real(wp), intent(in) :: ws(n, m), wy(n, m), theta, a(col), b(col), x(n), g(n)
    real(wp), intent(out) :: z(n), d(n)
    real(wp), intent(out) :: gd, dtd
    real(wp) :: part(block_rows)
    integer(ip) :: first, rows, i, j, p

    gd = 0
    dtd = 0
    do first = 1, n, block_rows
      rows = min(block_rows, n - first + 1)
      part(1:rows) = -g(first:first + rows - 1)
      do j = 1, col
        p = ring(head, j, m)
        do i = 1, rows
          part(i) = part(i) + wy(first + i - 1, p) * a(j) + ws(first + i - 1, p) * b(j)
        end do
      end do
      do i = 1, rows
        z(first + i - 1) = x(first + i - 1) + part(i) / theta
        part(i) = z(first + i - 1) - x(first + i - 1)
        d(first + i - 1) = part(i)
      end do
      gd = gd + dot(rows, part, g(first:first + rows - 1))
      dtd = dtd + sum_squares(rows, part)
    end do
  end subroutine direction_pass

  !> The minimizer over the free variables, projected into the box.
  !>
  !> On entry z is the Cauchy point; z(i) + (scale v(i) + (Y a + S b)(i)) / theta is taken for the
  !> free i, and put between its bounds. Gives the step before the projection, d = z - x, g^T d and
  !> d^T d.
  pure subroutine bounded_pass(n, m, ws, wy, col, head, theta, a, b, scale, v, iwhere, x, l, u, nbd, g, &
      z, step, d, gd, dtd, iword)
    integer(ip), intent(in) :: n, m, col, head
    real(wp), intent(in) :: ws(n, m), wy(n, m), theta, a(col), b(col), scale, v(n), x(n), l(n), u(n)
    real(wp), intent(in) :: g(n)
    integer(ip), intent(in) :: iwhere(n)
    integer(kb), intent(in) :: nbd(n)
    real(wp), intent(inout) :: z(n)
    real(wp), intent(out) :: step(n), d(n), gd, dtd
    integer(ic), intent(out) :: iword
    real(wp) :: part(block_rows), to
    integer(ip) :: first, rows, i, j, k, p

    gd = 0
    dtd = 0
    iword = 0
    do first = 1, n, block_rows
      rows = min(block_rows, n - first + 1)
      part(1:rows) = scale * v(first:first + rows - 1)
      do j = 1, col
        p = ring(head, j, m)
        do i = 1, rows
          part(i) = part(i) + wy(first + i - 1, p) * a(j) + ws(first + i - 1, p) * b(j)
        end do
      end do
      do i = 1, rows
        k = first + i - 1
        if (iwhere(k) <= 0) then
          step(k) = part(i) / theta
          to = z(k) + step(k)
          if (nbd(k) /= nbd_none) then
            if (nbd(k) <= nbd_both) then
              if (to <= l(k)) then
                to = l(k)
                iword = 1
              end if
            end if
            if (nbd(k) >= nbd_both) then
              if (to >= u(k)) then
                to = u(k)
                iword = 1
              end if
            end if
          end if
          z(k) = to
        else
          step(k) = 0
        end if
        part(i) = z(k) - x(k)
        d(k) = part(i)
      end do
      gd = gd + dot(rows, part, g(first:first + rows - 1))
      dtd = dtd + sum_squares(rows, part)
    end do
  end subroutine bounded_pass

end module fitcore_lb_passes
