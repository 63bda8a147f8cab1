!> Minimization over the variables that are free at the Cauchy point.
!>
!> Byrd, Lu, Nocedal, Zhu (1995), section 5.1, the direct primal method; the matrix K and its
!> indefinite factorization as in Zhu, Byrd, Lu, Nocedal (1997); the projection step of Morales,
!> Nocedal (2011).
module fitcore_lb_subspace
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_bounds
  use fitcore_lb_compact, only: ring, cholesky
  use fitcore_triangular, only: solve_upper, solve_upper_transposed
  implicit none (type, external)
  private
  public :: sort_free, form_k, solve_k, reduced_products, shorten

contains

  !> Free variables first in `index`, the others from its end; who entered and left since the
  !> last time stands in `change`, entering from the front and leaving from the end.
  pure subroutine sort_free(n, iwhere, index, change, nfree, nenter, nleave, first)
    integer(ip), intent(in) :: n, iwhere(n)
    integer(ip), intent(inout) :: index(n), change(n), nfree
    integer(ip), intent(out) :: nenter, nleave
    logical, intent(in) :: first                   !< there is no last time
    integer(ip) :: i, k, at_bound

    nenter = 0
    nleave = 0
    if (.not. first) then
      do i = 1, nfree
        k = index(i)
        if (iwhere(k) > 0) then
          change(n - nleave) = k
          nleave = nleave + 1
        end if
      end do
      do i = nfree + 1, n
        k = index(i)
        if (iwhere(k) <= 0) then
          nenter = nenter + 1
          change(nenter) = k
        end if
      end do
    end if
    nfree = 0
    at_bound = n + 1
    do i = 1, n
      if (iwhere(i) <= 0) then
        nfree = nfree + 1
        index(nfree) = i
      else
        at_bound = at_bound - 1
        index(at_bound) = i
      end if
    end do
  end subroutine sort_free

  !> Inner product over the free variables.
  pure real(wp) function free_dot(n, nfree, index, a, b) result(s)
    integer(ip), intent(in) :: n, nfree, index(n)
    real(wp), intent(in) :: a(n), b(n)
    integer(ip) :: i

    s = 0
    do i = 1, nfree
      s = s + a(index(i)) * b(index(i))
    end do
  end function free_dot

  !> The LEL^T factorization of
  !>   K = [ -D - Y^T Z Z^T Y / theta    L_a^T - R_z^T   ]
  !>       [  L_a - R_z                  theta S^T A A^T S ]
  !> from inner products over free (Z) and fixed (A) variables, which are kept in wn1 and brought
  !> up to date for the new correction and for the variables that changed sides.
  !> ps and py are the products of the new correction over all variables, see store_and_multiply.
  pure subroutine form_k(n, m, nfree, index, nenter, nleave, change, updates, updated, wn, wn1, &
      ws, wy, sy, theta, col, head, ps, py, bad)
    integer(ip), intent(in) :: n, m, nfree, index(n), nenter, nleave, change(n), updates
    logical, intent(in) :: updated
    real(wp), intent(out) :: wn(2 * m, 2 * m)      !< the factor, in the upper triangle
    real(wp), intent(inout) :: wn1(2 * m, 2 * m)   !< the inner products, in the lower triangle
    real(wp), intent(in) :: ws(n, m), wy(n, m), sy(m, m), theta
    integer(ip), intent(in) :: col, head
    real(wp), intent(in) :: ps(3, m), py(3, m)
    integer(ip), intent(out) :: bad
    integer(ip) :: i, j, p, q, old, row
    real(wp) :: t

    if (updated) then
      if (updates > m) then
        ! the oldest correction is gone: everything moves up and left
        do j = 1, m - 1
          wn1(j:m - 1, j) = wn1(j + 1:m, j + 1)
          wn1(m + j:2 * m - 1, m + j) = wn1(m + j + 1:2 * m, m + j + 1)
          wn1(m + 1:2 * m - 1, j) = wn1(m + 2:2 * m, j + 1)
        end do
      end if
      call new_rows(n, m, nfree, index, wn1, ws, wy, col, head, ps, py)
      old = col - 1
    else
      old = col
    end if

    ! variables that changed sides, in the older products
    if (nenter + nleave == 0) old = 0
    do j = 1, old
      q = ring(head, j, m)
      do i = j, old
        p = ring(head, i, m)
        wn1(i, j) = wn1(i, j) + changed_dot(n, nenter, nleave, change, wy(:, p), wy(:, q))
        wn1(m + i, m + j) = wn1(m + i, m + j) &
          - changed_dot(n, nenter, nleave, change, ws(:, p), ws(:, q))
      end do
      do i = 1, old
        p = ring(head, i, m)
        t = changed_dot(n, nenter, nleave, change, ws(:, p), wy(:, q))
        if (i <= j) then
          wn1(m + i, j) = wn1(m + i, j) + t
        else
          wn1(m + i, j) = wn1(m + i, j) - t
        end if
      end do
    end do

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
  end subroutine form_k

  !> The rows and the column of wn1 for the newest correction: products over the free variables
  !> where they are few, else those over all less those over the others.
  pure subroutine new_rows(n, m, nfree, index, wn1, ws, wy, col, head, ps, py)
    integer(ip), intent(in) :: n, m, nfree, index(n), col, head
    real(wp), intent(inout) :: wn1(2 * m, 2 * m)
    real(wp), intent(in) :: ws(n, m), wy(n, m), ps(3, m), py(3, m)
    integer(ip) :: j, p, last

    last = ring(head, col, m)
    do j = 1, col
      p = ring(head, j, m)
      wn1(m + col, m + j) = fixed_dot(n, nfree, index, ws(:, last), ws(:, p))
      wn1(m + col, j) = fixed_dot(n, nfree, index, ws(:, last), wy(:, p))
      if (4 * nfree <= n) then
        wn1(col, j) = free_dot(n, nfree, index, wy(:, last), wy(:, p))
      else
        wn1(col, j) = py(2, j) - fixed_dot(n, nfree, index, wy(:, last), wy(:, p))
      end if
    end do
    do j = 1, col
      p = ring(head, j, m)
      if (4 * nfree <= n) then
        wn1(m + j, col) = free_dot(n, nfree, index, ws(:, p), wy(:, last))
      else
        wn1(m + j, col) = ps(2, j) - fixed_dot(n, nfree, index, ws(:, p), wy(:, last))
      end if
    end do
  end subroutine new_rows

  !> Inner product over the variables that are not free.
  pure real(wp) function fixed_dot(n, nfree, index, a, b) result(s)
    integer(ip), intent(in) :: n, nfree, index(n)
    real(wp), intent(in) :: a(n), b(n)
    integer(ip) :: i

    s = 0
    do i = nfree + 1, n
      s = s + a(index(i)) * b(index(i))
    end do
  end function fixed_dot

  !> Inner product over those that entered less that over those that left.
  pure real(wp) function changed_dot(n, nenter, nleave, change, a, b) result(s)
    integer(ip), intent(in) :: n, nenter, nleave, change(n)
    real(wp), intent(in) :: a(n), b(n)
    integer(ip) :: i

    s = 0
    do i = 1, nenter
      s = s + a(change(i)) * b(change(i))
    end do
    do i = n - nleave + 1, n
      s = s - a(change(i)) * b(change(i))
    end do
  end function changed_dot

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
  !> from p = W^T Z d and the products that form_k keeps.
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

  !> When the projected point is uphill: from the Cauchy point along the step as far as the box
  !> allows (the rule of Algorithm 778 before 2011).
  pure subroutine shorten(n, nfree, index, l, u, nbd, x, length, v, step, z, iword)
    integer(ip), intent(in) :: n, nfree, index(n)
    real(wp), intent(in) :: l(n), u(n), x(n), length, v(n)
    integer(kb), intent(in) :: nbd(n)
    real(wp), intent(inout) :: step(n), z(n)
    integer(ic), intent(out) :: iword
    real(wp) :: alpha, t, room
    integer(ip) :: i, k, stopper

    alpha = 1
    t = alpha
    stopper = 0
    do i = 1, nfree
      k = index(i)
      z(k) = x(k) + length * v(k)                  ! the Cauchy point
      if (nbd(k) == nbd_none) cycle
      if (step(k) < 0 .and. nbd(k) <= nbd_both) then
        room = l(k) - z(k)
        if (room >= 0) then
          t = 0
        else if (step(k) * alpha < room) then
          t = room / step(k)
        end if
      else if (step(k) > 0 .and. nbd(k) >= nbd_both) then
        room = u(k) - z(k)
        if (room <= 0) then
          t = 0
        else if (step(k) * alpha > room) then
          t = room / step(k)
        end if
      end if
      if (t < alpha) then
        alpha = t
        stopper = k
      end if
    end do
    if (alpha < 1 .and. stopper > 0) then
      if (step(stopper) > 0) then
        z(stopper) = u(stopper)
        step(stopper) = 0
      else if (step(stopper) < 0) then
        z(stopper) = l(stopper)
        step(stopper) = 0
      end if
    end if
    do i = 1, nfree
      k = index(i)
      z(k) = z(k) + alpha * step(k)
    end do
    iword = merge(1_ic, 0_ic, alpha < 1)
  end subroutine shorten

end module fitcore_lb_subspace
