!> The generalized Cauchy point: the first local minimizer of the quadratic model along the
!> projected gradient path.
!>
!> Byrd, Lu, Nocedal, Zhu (1995), section 4, algorithm CP.
module fitcore_lb_cauchy
  use fitcore_kinds, only: wp, ip, eps
  use fitcore_bounds
  use fitcore_lb_compact, only: ring, middle_product
  implicit none (type, external)
  private
  public :: cauchy_path, cauchy_search

contains

  !> The projected gradient direction d, and the breakpoints of its path.
  pure subroutine cauchy_path(n, x, l, u, nbd, g, iwhere, order, breaks, d, nbreak, slope, bounded)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: x(n), l(n), u(n), g(n)
    integer(kb), intent(in) :: nbd(n)
    integer(ip), intent(inout) :: iwhere(n)        !< what is known of the variables
    integer(ip), intent(out) :: order(n)           !< the variables that have a breakpoint
    real(wp), intent(out) :: breaks(n)             !< and where
    real(wp), intent(out) :: d(n)                  !< -g, and 0 for variables held by a bound
    integer(ip), intent(out) :: nbreak             !< their number
    real(wp), intent(out) :: slope                 !< g^T d
    logical, intent(out) :: bounded                !< every variable that moves has a breakpoint
    real(wp) :: minus_g, room_l, room_u
    logical :: at_lower, at_upper
    integer(ip) :: i

    bounded = .true.
    nbreak = 0
    slope = 0
    do i = 1, n
      minus_g = -g(i)
      room_l = 0
      room_u = 0
      if (iwhere(i) /= where_fixed .and. iwhere(i) /= where_unbounded) then
        at_lower = .false.
        at_upper = .false.
        if (nbd(i) <= nbd_both) then
          room_l = x(i) - l(i)
          at_lower = room_l <= 0
        end if
        if (nbd(i) >= nbd_both) then
          room_u = u(i) - x(i)
          at_upper = room_u <= 0
        end if
        iwhere(i) = where_free
        if (at_lower) then
          if (minus_g <= 0) iwhere(i) = where_lower
        else if (at_upper) then
          if (minus_g >= 0) iwhere(i) = where_upper
        else if (abs(minus_g) <= 0) then
          iwhere(i) = where_still
        end if
      end if

      if (iwhere(i) /= where_free .and. iwhere(i) /= where_unbounded) then
        d(i) = 0
        cycle
      end if
      d(i) = minus_g
      slope = slope - minus_g * minus_g
      if (nbd(i) <= nbd_both .and. nbd(i) /= nbd_none .and. minus_g < 0) then
        nbreak = nbreak + 1
        order(nbreak) = i
        breaks(nbreak) = room_l / (-minus_g)
      else if (nbd(i) >= nbd_both .and. minus_g > 0) then
        nbreak = nbreak + 1
        order(nbreak) = i
        breaks(nbreak) = room_u / minus_g
      else
        if (abs(minus_g) > 0) bounded = .false.
      end if
    end do
  end subroutine cauchy_path

  !> The Cauchy point on that path: xcp, c = W^T (xcp - x), and in iwhere the variables that have
  !> reached a bound.
  pure subroutine cauchy_search(n, m, x, l, u, iwhere, order, breaks, nbreak, slope, bounded, d, xcp, &
      ws, wy, sy, wt, theta, col, head, p, c, wbp, v, nseg, length)
    integer(ip), intent(in) :: n, m
    real(wp), intent(in) :: x(n), l(n), u(n)
    integer(ip), intent(inout) :: iwhere(n)
    integer(ip), intent(inout) :: order(n)         !< from cauchy_path
    real(wp), intent(inout) :: breaks(n)
    integer(ip), intent(in) :: nbreak
    real(wp), intent(in) :: slope
    logical, intent(in) :: bounded
    real(wp), intent(inout) :: d(n)                !< direction; 0 for those that reached a bound
    real(wp), intent(out) :: xcp(n)                !< the Cauchy point
    real(wp), intent(in) :: ws(n, m), wy(n, m), sy(m, m), wt(m, m), theta
    integer(ip), intent(in) :: col, head
    real(wp), intent(inout) :: p(2 * m)            !< W^T d, for d as it comes in and as it goes out
    real(wp), intent(out) :: c(2 * m)
    real(wp), intent(out) :: wbp(2 * m), v(2 * m)  !< scratch
    integer(ip), intent(out) :: nseg               !< segments looked at
    real(wp), intent(out) :: length                !< xcp = x + length d for the others
    integer(ip) :: i, j, k, left, col2
    real(wp) :: f1, f2, f2_start, dtm, dt, t, t_before, di, zi, di2, wmc, wmp, wmw
    logical :: everything_fixed

    nseg = 0
    length = 0
    xcp = x
    col2 = 2 * col
    c(1:col2) = 0
    f1 = slope
    if (.not. abs(f1) > 0) return

    f2 = -theta * f1
    f2_start = f2
    if (col > 0) then
      call middle_product(m, col, sy, wt, p, v)
      f2 = f2 - small_dot(col2, v, p)
    end if
    dtm = -f1 / f2
    nseg = 1
    t_before = 0
    everything_fixed = .false.
    left = nbreak
    if (left > 0) then
      if (minval(breaks(1:left)) > dtm) left = 0   ! the path ends before its first breakpoint
    end if
    call heapify(left, breaks, order)

    do while (left > 0)
      t = breaks(1)
      i = order(1)
      dt = t - t_before
      if (dtm < dt) exit

      ! variable i reaches its bound: fix it and look at the next segment
      call pop(left, breaks, order)
      length = length + dt
      left = left - 1
      di = d(i)
      d(i) = 0
      if (di > 0) then
        zi = u(i) - x(i)
        xcp(i) = u(i)
        iwhere(i) = where_upper
      else
        zi = l(i) - x(i)
        xcp(i) = l(i)
        iwhere(i) = where_lower
      end if
      if (left == 0 .and. nbreak == n) then
        dtm = dt
        everything_fixed = .true.
        exit
      end if

      nseg = nseg + 1
      di2 = di * di
      f1 = f1 + dt * f2 + di2 - theta * di * zi
      f2 = f2 - theta * di2
      if (col > 0) then
        c(1:col2) = c(1:col2) + dt * p(1:col2)
        do j = 1, col
          k = ring(head, j, m)
          wbp(j) = wy(i, k)
          wbp(col + j) = theta * ws(i, k)
        end do
        call middle_product(m, col, sy, wt, wbp, v)
        wmc = small_dot(col2, c, v)
        wmp = small_dot(col2, p, v)
        wmw = small_dot(col2, wbp, v)
        p(1:col2) = p(1:col2) - di * wbp(1:col2)
        f1 = f1 + di * wmc
        f2 = f2 + 2 * di * wmp - di2 * wmw
      end if
      f2 = max(eps * f2_start, f2)
      if (left > 0) then
        dtm = -f1 / f2
        t_before = t
      else if (bounded) then
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
      do i = 1, n
        xcp(i) = xcp(i) + length * d(i)
      end do
    end if
    c(1:col2) = c(1:col2) + dtm * p(1:col2)
  end subroutine cauchy_search

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

  !> Order keys as a heap with the least at the top.
  pure subroutine heapify(n, key, item)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: key(*)
    integer(ip), intent(inout) :: item(*)
    integer(ip) :: i

    do i = n / 2, 1, -1
      call sift(i, n, key, item)
    end do
  end subroutine heapify

  !> Take the least away; n is the number before.
  pure subroutine pop(n, key, item)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: key(*)
    integer(ip), intent(inout) :: item(*)

    key(1) = key(n)
    item(1) = item(n)
    call sift(1_ip, n - 1, key, item)
  end subroutine pop

  !> Let the element at `start` sink to its place.
  pure subroutine sift(start, n, key, item)
    integer(ip), intent(in) :: start, n
    real(wp), intent(inout) :: key(*)
    integer(ip), intent(inout) :: item(*)
    integer(ip) :: i, child, what
    real(wp) :: k

    k = key(start)
    what = item(start)
    i = start
    do
      child = 2 * i
      if (child > n) exit
      if (child < n) then
        if (key(child + 1) < key(child)) child = child + 1
      end if
      if (.not. key(child) < k) exit
      key(i) = key(child)
      item(i) = item(child)
      i = child
    end do
    key(i) = k
    item(i) = what
  end subroutine sift

end module fitcore_lb_cauchy
