!> The generalized Cauchy point: the first local minimizer of the quadratic model along the
!> projected gradient path.
!>
!> Byrd, Lu, Nocedal, Zhu (1995), section 4, algorithm CP.
!> The breakpoints are found again where they are needed, and only those that the search may reach:
!> near a solution that is none, and the path costs no pass over the variables.
module fitcore_lb_cauchy
  use fitcore_kinds, only: wp, ip, ic, eps
  use fitcore_bounds, only: breakpoint, mark_free
  use fitcore_lb_types, only: lb_state, kb
  use fitcore_lb_layout, only: ring, block_of, row_of
  use fitcore_lb_compact, only: middle_product
  implicit none (type, external)
  private
  public :: cauchy_search

contains

  !> How far the Cauchy point is: x - length g for the variables that stay free; those that reach a
  !> bound on the way lose their mark. c = W^T (xcp - x).
  !>
  !> p = W^T v comes in for v at x and leaves for those that stay free, and so do, where a
  !> correction is new, its products `sums` (see gather_products).
  !>
  !> The breakpoints ahead form a heap: where they are in `breaks`, and whose, as real numbers, in
  !> column `spare` of w, which is free now.
  pure subroutine cauchy_search(s, n, m, ld, nblocks, w, spare, x, l, u, g, marks, breaks, sy, wt, p, &
      c, wbp, v, sums, length)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nblocks, spare
    real(wp), intent(inout) :: w(ld, 2 * m + 2, nblocks)
    real(wp), intent(in) :: x(n), l(n * s%bounded), u(n * s%bounded), g(n)
    integer(kb), intent(inout) :: marks(n * s%bounded)
    real(wp), intent(out) :: breaks(n)             !< scratch
    real(wp), intent(in) :: sy(m, m), wt(m, m)
    real(wp), intent(inout) :: p(2 * m)
    real(wp), intent(out) :: c(2 * m)
    real(wp), intent(out) :: wbp(2 * m), v(2 * m)  !< scratch
    real(wp), intent(inout) :: sums(4, 2 * s%col)
    real(wp), intent(out) :: length
    integer(ip) :: i, row, block, col, col2, remaining, heaped
    real(wp) :: f1, f2, f2_start, dtm, dt, t, t_before, taken, from, di, zi, di2, wmc, wmp, wmw
    logical :: everything_fixed

    s%nseg = 0
    length = 0
    col = s%col
    col2 = 2 * col
    c(1:col2) = 0
    f1 = s%slope
    if (.not. abs(f1) > 0) return

    f2 = -s%theta * f1
    f2_start = f2
    if (col > 0) then
      call middle_product(m, col, sy, wt, p, v)
      f2 = f2 - small_dot(col2, v, p)
    end if
    dtm = -f1 / f2
    s%nseg = 1
    t_before = 0
    everything_fixed = .false.
    remaining = s%nbreak
    heaped = 0
    taken = s%least_break                          ! no breakpoint below this is left out
    from = -1

    do while (remaining > 0)
      if (heaped == 0) then
        if (dtm < taken - t_before) exit
        t = 2 * max(t_before + dtm, taken)
        if (.not. t <= huge(t)) t = huge(t)
        call collect(n, ld, x, l, u, g, marks, from, t, heaped, breaks, w(:, spare, :))
        from = t
        taken = t
        if (heaped == 0) then
          if (t < huge(t)) cycle
          exit                                     ! breakpoints that have overflowed
        end if
      end if
      t = breaks(1)
      i = nint(w(1, spare, 1), ip)
      dt = t - t_before
      if (dtm < dt) exit

      ! variable i reaches its bound: fix it and look at the next segment
      call pop(heaped, ld, breaks, w(:, spare, :))
      length = length + dt
      heaped = heaped - 1
      remaining = remaining - 1
      di = -g(i)
      marks(i) = iand(marks(i), not(mark_free))
      zi = merge(u(i) - x(i), l(i) - x(i), di > 0)
      block = block_of(i, ld)
      row = row_of(i, ld)
      if (s%pending == 1 .and. col > 0) call hold(m, col, s%head, w(row, :, block), sums)
      if (remaining == 0 .and. s%nbreak == n) then
        dtm = dt
        everything_fixed = .true.
        exit
      end if

      s%nseg = s%nseg + 1
      di2 = di * di
      f1 = f1 + dt * f2 + di2 - s%theta * di * zi
      f2 = f2 - s%theta * di2
      if (col > 0) then
        c(1:col2) = c(1:col2) + dt * p(1:col2)
        call row_of_w(m, col, s%head, s%theta, w(row, :, block), wbp)
        call middle_product(m, col, sy, wt, wbp, v)
        wmc = small_dot(col2, c, v)
        wmp = small_dot(col2, p, v)
        wmw = small_dot(col2, wbp, v)
        p(1:col2) = p(1:col2) - di * wbp(1:col2)
        f1 = f1 + di * wmc
        f2 = f2 + 2 * di * wmp - di2 * wmw
      end if
      f2 = max(eps * f2_start, f2)
      if (remaining > 0) then
        dtm = -f1 / f2
        t_before = t
      else if (s%nopen == 0) then
        f1 = 0
        f2 = 0
        dtm = 0
      else
        dtm = -f1 / f2
      end if
    end do

    if (.not. everything_fixed) then
      dtm = max(dtm, 0.0_wp)
      length = length + dtm
    end if
    c(1:col2) = c(1:col2) + dtm * p(1:col2)
  end subroutine cauchy_search

  !> The free variables whose breakpoints are beyond `from` and not beyond `to`, as a heap.
  pure subroutine collect(n, ld, x, l, u, g, marks, from, to, count, breaks, order)
    integer(ip), intent(in) :: n, ld
    real(wp), intent(in) :: x(n), l(n), u(n), g(n), from, to
    integer(kb), intent(in) :: marks(n)
    integer(ip), intent(out) :: count
    real(wp), intent(inout) :: breaks(n)
    real(wp), intent(inout) :: order(:, :)         !< (ld, blocks): one after the other
    real(wp) :: t
    integer(ip) :: i, block, row

    count = 0
    block = 1
    row = 0
    do i = 1, n
      if (iand(marks(i), mark_free) == 0 .or. .not. abs(g(i)) > 0) cycle
      t = breakpoint(x(i), l(i), u(i), g(i))
      if (t > from .and. t <= to) then
        count = count + 1
        breaks(count) = t
        row = row + 1
        if (row > ld) then
          block = block + 1
          row = 1
        end if
        order(row, block) = real(i, wp)
      end if
    end do
    do i = count / 2, 1, -1
      call sift(i, count, ld, breaks, order)
    end do
  end subroutine collect

  !> A variable's row of W = [Y theta S].
  pure subroutine row_of_w(m, col, head, theta, row, wbp)
    integer(ip), intent(in) :: m, col, head
    real(wp), intent(in) :: theta, row(2 * m + 2)
    real(wp), intent(inout) :: wbp(2 * m)
    integer(ip) :: j, k

    do j = 1, col
      k = ring(head, j, m)
      wbp(j) = row(m + 1 + k)
      wbp(col + j) = theta * row(k)
    end do
  end subroutine row_of_w

  !> Take a variable out of the products over the free, and into those over the held.
  pure subroutine hold(m, col, head, row, sums)
    integer(ip), intent(in) :: m, col, head
    real(wp), intent(in) :: row(2 * m + 2)
    real(wp), intent(inout) :: sums(4, 2 * col)
    integer(ip) :: j, k, new

    new = ring(head, col, m)
    do j = 1, col
      k = ring(head, j, m)
      sums(3, j) = sums(3, j) - row(k) * row(m + 1 + new)
      sums(4, j) = sums(4, j) + row(k) * row(new)
      sums(3, col + j) = sums(3, col + j) - row(m + 1 + k) * row(m + 1 + new)
      sums(4, col + j) = sums(4, col + j) + row(m + 1 + k) * row(new)
    end do
  end subroutine hold

  !> Inner product in the order of the elements.
  pure real(wp) function small_dot(k, a, b) result(s)
    integer(ip), intent(in) :: k
    real(wp), intent(in) :: a(k), b(k)
    integer(ip) :: i

    s = 0
    do i = 1, k
      s = s + a(i) * b(i)
    end do
  end function small_dot

  !> Take the least of n away.
  pure subroutine pop(n, ld, key, item)
    integer(ip), intent(in) :: n, ld
    real(wp), intent(inout) :: key(*), item(:, :)

    key(1) = key(n)
    item(1, 1) = item(row_of(n, ld), block_of(n, ld))
    call sift(1_ip, n - 1, ld, key, item)
  end subroutine pop

  !> Let the element at `start` sink to its place in the heap, whose least key is the first.
  pure subroutine sift(start, n, ld, key, item)
    integer(ip), intent(in) :: start, n, ld
    real(wp), intent(inout) :: key(*), item(:, :)
    integer(ip) :: i, child
    real(wp) :: k, what

    k = key(start)
    what = item(row_of(start, ld), block_of(start, ld))
    i = start
    do
      child = 2 * i
      if (child > n) exit
      if (child < n) then
        if (key(child + 1) < key(child)) child = child + 1
      end if
      if (.not. key(child) < k) exit
      key(i) = key(child)
      item(row_of(i, ld), block_of(i, ld)) = item(row_of(child, ld), block_of(child, ld))
      i = child
    end do
    key(i) = k
    item(row_of(i, ld), block_of(i, ld)) = what
  end subroutine sift

end module fitcore_lb_cauchy
