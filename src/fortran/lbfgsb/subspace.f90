!> Minimization over the variables that are free at the Cauchy point.
!>
!> Byrd, Lu, Nocedal, Zhu (1995), section 5.1, the direct primal method; the matrix K and its
!> indefinite factorization as in Zhu, Byrd, Lu, Nocedal (1997); the projection step of Morales,
!> Nocedal (2011).
module fitcore_lb_subspace
  use fitcore_kinds, only: wp, ip
  use fitcore_bounds, only: mark_entered, mark_left
  use fitcore_lb_types, only: lb_state, kb
  use fitcore_lb_layout, only: ring
  use fitcore_lb_compact, only: cholesky
  use fitcore_triangular, only: solve_upper, solve_upper_transposed
  implicit none (type, external)
  private
  public :: update_products, factor_k, solve_k, reduced_products

contains

  !> The inner products over free (Z) and held (A) variables that K is made of, brought up to date
  !> for the new correction, if there is one, and for the variables that changed sides:
  !> Y^T Z Z^T Y and S^T A A^T S in the lower triangles of wn1's diagonal blocks, and S^T Y below
  !> them, over the free in the upper triangle of it and over the held in the lower.
  pure subroutine update_products(s, n, m, ld, nblocks, w, marks, sums, wn1)
    type(lb_state), intent(in) :: s
    integer(ip), intent(in) :: n, m, ld, nblocks
    real(wp), intent(in) :: w(ld, 2 * m + 2, nblocks)
    integer(kb), intent(in) :: marks(n * s%bounded)
    real(wp), intent(in) :: sums(4, 2 * s%col)     !< see gather_products
    real(wp), intent(inout) :: wn1(2 * m, 2 * m)
    integer(ip) :: j, b, i, last, col, old

    col = s%col
    old = col
    if (s%pending == 1) then
      if (s%updates > m) then
        ! the oldest correction is gone: everything moves up and left
        do j = 1, m - 1
          wn1(j:m - 1, j) = wn1(j + 1:m, j + 1)
          wn1(m + j:2 * m - 1, m + j) = wn1(m + j + 1:2 * m, m + j + 1)
          wn1(m + 1:2 * m - 1, j) = wn1(m + 2:2 * m, j + 1)
        end do
      end if
      do j = 1, col
        wn1(m + col, m + j) = sums(4, j)
        wn1(m + col, j) = sums(4, col + j)
        wn1(col, j) = sums(3, col + j)
      end do
      wn1(m + 1:m + col, col) = sums(3, 1:col)
      old = col - 1
    end if

    if (s%nenter + s%nleave == 0 .or. old == 0) return
    do b = 1, nblocks
      last = min(n, b * ld)
      do i = (b - 1) * ld + 1, last
        if (iand(marks(i), ior(mark_entered, mark_left)) == 0) cycle
        call change_side(m, old, s%head, iand(marks(i), mark_entered) /= 0, w(i - (b - 1) * ld, :, b), &
          wn1)
      end do
    end do
  end subroutine update_products

  !> Add the row of a variable that entered the free set to wn1, or take off one that left it.
  pure subroutine change_side(m, old, head, entered, row, wn1)
    integer(ip), intent(in) :: m, old, head
    logical, intent(in) :: entered
    real(wp), intent(in) :: row(2 * m + 2)
    real(wp), intent(inout) :: wn1(2 * m, 2 * m)
    real(wp) :: y(old), s(old), yj, sj
    integer(ip) :: i, j, k

    do j = 1, old
      k = ring(head, j, m)
      s(j) = row(k)
      y(j) = row(m + 1 + k)
    end do
    do j = 1, old
      yj = merge(y(j), -y(j), entered)
      sj = merge(s(j), -s(j), entered)
      do i = j, old
        wn1(i, j) = wn1(i, j) + yj * y(i)
        wn1(m + i, m + j) = wn1(m + i, m + j) - sj * s(i)
      end do
      do i = 1, j
        wn1(m + i, j) = wn1(m + i, j) + yj * s(i)
      end do
      do i = j + 1, old
        wn1(m + i, j) = wn1(m + i, j) - yj * s(i)
      end do
    end do
  end subroutine change_side

  !> The LEL^T factorization of
  !>   K = [ -D - Y^T Z Z^T Y / theta    L_a^T - R_z^T   ]
  !>       [  L_a - R_z                  theta S^T A A^T S ]
  !> from the products in wn1: the factor, in the upper triangle of wn; bad /= 0 if there is none.
  pure subroutine factor_k(m, col, wn1, sy, theta, wn, bad)
    integer(ip), intent(in) :: m, col
    real(wp), intent(in) :: wn1(2 * m, 2 * m), sy(m, m), theta
    real(wp), intent(out) :: wn(2 * m, 2 * m)
    integer(ip), intent(out) :: bad
    integer(ip) :: i, j, row
    real(wp) :: t

    ! wn = [ D + Y^T Z Z^T Y / theta     -L_a^T + R_z^T    ]
    !      [ -L_a + R_z                  theta S^T A A^T S ]
    do j = 1, col
      do i = 1, j
        wn(i, j) = wn1(j, i) / theta
        wn(col + i, col + j) = wn1(m + j, m + i) * theta
      end do
      wn(j, j) = wn(j, j) + sy(j, j)
      do i = 1, col
        if (j > i) then
          wn(i, col + j) = -wn1(m + j, i)
        else
          wn(i, col + j) = wn1(m + j, i)
        end if
      end do
    end do
    call cholesky(col, wn, 2 * m, bad)
    if (bad /= 0) return
    do j = col + 1, 2 * col
      call solve_upper_transposed(col, wn, 2 * m, wn(1:col, j))
    end do
    do i = col + 1, 2 * col
      do j = i, 2 * col
        t = wn(i, j)
        do row = 1, col
          t = t + wn(row, i) * wn(row, j)
        end do
        wn(i, j) = t
      end do
    end do
    call cholesky(col, wn(col + 1, col + 1), 2 * m, bad)
  end subroutine factor_k

  !> wv <- K^{-1} wv with K = L E L^T, E = diag(-I, I).
  pure subroutine solve_k(m, col, wn, wv)
    integer(ip), intent(in) :: m, col
    real(wp), intent(in) :: wn(2 * m, 2 * m)
    real(wp), intent(inout) :: wv(2 * m)

    call solve_upper_transposed(2 * col, wn, 2 * m, wv(1:2 * col))
    wv(1:col) = -wv(1:col)
    call solve_upper(2 * col, wn, 2 * m, wv(1:2 * col))
  end subroutine solve_k

  !> wv = W^T Z r for the reduced gradient r = scale Z^T d + Z^T W a, without a pass over S and Y:
  !> from p = W^T Z d and the products in wn1.
  pure subroutine reduced_products(m, col, theta, scale, p, a, wn1, sy, ss, wv)
    integer(ip), intent(in) :: m, col
    real(wp), intent(in) :: theta, scale, p(2 * col), a(2 * col)
    real(wp), intent(in) :: wn1(2 * m, 2 * m), sy(m, m), ss(m, m)
    real(wp), intent(out) :: wv(2 * col)
    integer(ip) :: i, j
    real(wp) :: yy, ys, sssum

    do i = 1, col
      yy = 0
      sssum = 0
      do j = 1, col
        ! row i of Y^T Z Z^T Y a1 + theta Y^T Z Z^T S a2
        if (j <= i) then
          yy = yy + wn1(i, j) * a(j)
        else
          yy = yy + wn1(j, i) * a(j)
        end if
        if (j <= i) then
          ys = wn1(m + j, i)                       ! s_j y_i over the free
        else
          ys = sy(j, i) - wn1(m + j, i)            ! over all, less over the fixed
        end if
        yy = yy + theta * ys * a(col + j)
        ! row i of theta S^T Z Z^T Y a1 + theta^2 S^T Z Z^T S a2
        if (i <= j) then
          ys = wn1(m + i, j)
        else
          ys = sy(i, j) - wn1(m + i, j)
        end if
        sssum = sssum + theta * ys * a(j)
        if (j <= i) then
          ys = ss(j, i) - wn1(m + i, m + j)
        else
          ys = ss(i, j) - wn1(m + j, m + i)
        end if
        sssum = sssum + theta * theta * ys * a(col + j)
      end do
      wv(i) = scale * p(i) + yy
      wv(col + i) = scale * p(col + i) + sssum
    end do
  end subroutine reduced_products

end module fitcore_lb_subspace
