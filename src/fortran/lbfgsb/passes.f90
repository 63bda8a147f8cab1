!> The two passes over S and Y that an iteration needs.
!>
!> Both walk down the blocks of rows (see layout.f90), so that S and Y are read once in a pass:
!> when a trial point is accepted, all inner products with the new s and y and with the projected
!> gradient direction, fused with what is to be known of the new point; then, when the small systems
!> are solved, the next trial point with all that follows from it.
module fitcore_lb_passes
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_vectors, only: dot, sum_squares, total, least
  use fitcore_lb_types, only: lb_state, kb
  use fitcore_lb_kernels, only: kernels, chunk_rows
  use fitcore_bounds, only: begin_inspection, inspect_block, inspect_open_block, end_inspection, &
    mark_free
  implicit none (type, external)
  private
  public :: inspect, gather_products, slope_along, open_step, bounded_step
  public :: shortened_step, move_along

contains

  !> What is to be known of a point when there are no corrections: see inspect_block.
  pure subroutine inspect(k, s, n, x, l, u, g, marks)
    type(lb_state), intent(inout) :: s
    type(kernels), intent(in) :: k
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: x(n), l(n * s%bounded), u(n * s%bounded), g(n)
    integer(kb), intent(inout) :: marks(n * s%bounded)
    real(wp), dimension(chunk_rows) :: v, held
    real(wp) :: check
    integer(ip) :: first, last, rows, nheld

    call begin_inspection(s, check)
    do first = 1, n, chunk_rows
      last = min(n, first + chunk_rows - 1)
      rows = last - first + 1
      if (s%constrained == 1) then
        call inspect_block(k, rows, x(first:last), l(first:last), u(first:last), g(first:last), &
          marks(first:last), s, check, v, held, nheld)
      else
        call inspect_open_block(rows, g(first:last), s, check)
      end if
    end do
    call end_inspection(s, check)
  end subroutine inspect

  !> The first pass, at an accepted trial point: `inspect`, and turn the direction and the gradient
  !> in column `spare` into s and y, and for each column a of S and Y that is named,
  !>   sums(:, c) = a . (s, v, y over the free, s over the held).
  pure subroutine gather_products(k, s, n, m, ld, nblocks, w, spare, ncol, which, x, l, u, g, marks, &
      vecs, sums)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nblocks, spare, ncol, which(ncol)
    real(wp), intent(inout) :: w(ld, 2 * m + 2, nblocks)
    real(wp), intent(in) :: x(n), l(n * s%bounded), u(n * s%bounded), g(n)
    integer(kb), intent(inout) :: marks(n * s%bounded)
    real(wp), intent(out) :: vecs(ld, 5)           !< scratch
    real(wp), intent(out) :: sums(4, ncol)
    real(wp) :: check
    integer(ip) :: b, before, first, last, i, at, nheld, nvec

    call begin_inspection(s, check)
    sums = 0
    s%yy = 0
    do b = 1, nblocks
      before = (b - 1) * ld
      nvec = 3
      do first = 1, min(ld, n - before), chunk_rows
        last = min(first + chunk_rows - 1, ld, n - before)
        at = before + first
        nheld = 0
        if (s%constrained == 1) then
          call inspect_block(k, last - first + 1, x(at), l(at), u(at), g(at), marks(at), s, check, &
            vecs(first, 2), vecs(first, 5), nheld)
        else
          call inspect_open_block(last - first + 1, g(at), s, check)
          vecs(first:last, 2) = -g(at:before + last)
        end if
        if (s%stp < 1 .or. s%stp > 1) w(first:last, spare, b) = s%stp * w(first:last, spare, b)
        do i = first, last
          vecs(i, 3) = g(before + i) - w(i, m + 1 + spare, b)
          w(i, m + 1 + spare, b) = vecs(i, 3)
          vecs(i, 1) = w(i, spare, b)
        end do
        s%yy = s%yy + sum_squares(last - first + 1, vecs(first, 3))
        if (s%constrained == 0) cycle
        if (nheld == 0) then
          vecs(first:last, 4) = 0
          cycle
        end if
        nvec = 4
        do i = first, last
          vecs(i, 4) = merge(vecs(i, 1), 0.0_wp, vecs(i, 5) > 0)
          vecs(i, 3) = merge(0.0_wp, vecs(i, 3), vecs(i, 5) > 0)
        end do
      end do
      call k%products(min(ld, n - before), ld, ncol, which, w(:, :, b), nvec, vecs, sums)
    end do
    call end_inspection(s, check)
  end subroutine gather_products

  !> g^T d for the direction in column `spare` of S.
  pure real(wp) function slope_along(n, m, ld, nblocks, w, spare, g) result(gd)
    integer(ip), intent(in) :: n, m, ld, nblocks, spare
    real(wp), intent(in) :: w(ld, 2 * m + 2, nblocks), g(n)
    integer(ip) :: b, first, last

    gd = 0
    do b = 1, nblocks
      first = (b - 1) * ld + 1
      last = min(n, b * ld)
      gd = gd + dot(last - first + 1, w(:, spare, b), g(first:last))
    end do
  end function slope_along

  !> x <- t + stp d; where stp is 1, onto the bounds that d ends at.
  pure subroutine move_along(s, n, m, ld, nblocks, w, spare, t, l, u, x)
    type(lb_state), intent(in) :: s
    integer(ip), intent(in) :: n, m, ld, nblocks, spare
    real(wp), intent(in) :: w(ld, 2 * m + 2, nblocks), t(n), l(n * s%bounded), u(n * s%bounded)
    real(wp), intent(out) :: x(n)
    real(wp) :: d
    integer(ip) :: b, first, last, i

    do b = 1, nblocks
      first = (b - 1) * ld + 1
      last = min(n, b * ld)
      x(first:last) = s%stp * w(1:last - first + 1, spare, b) + t(first:last)
      if (s%constrained == 0 .or. s%stp < 1 .or. s%stp > 1) cycle
      ! d was the difference of a bound and t, rounded
      do i = first, last
        d = w(i - first + 1, spare, b)
        if (d < 0 .and. l(i) - t(i) >= d) x(i) = l(i)
        if (d > 0 .and. u(i) - t(i) <= d) x(i) = u(i)
      end do
    end do
  end subroutine move_along

  !> The second pass without bounds: the minimizer of the model,
  !>   z = x + (-g + sum of coef(c) times column which(c)) / theta,
  !> becomes the trial point x; the iterate goes to t, d = z - x and g to column `spare`; with
  !> gd = g^T d and dtd = d^T d.
  pure subroutine open_step(k, s, n, m, ld, nblocks, w, spare, ncol, which, coef, g, x, t, part, dtd)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nblocks, spare, ncol, which(ncol)
    real(wp), intent(inout) :: w(ld, 2 * m + 2, nblocks)
    real(wp), intent(in) :: coef(ncol), g(n)
    real(wp), intent(inout) :: x(n)
    real(wp), intent(out) :: t(n), dtd
    real(wp), intent(out) :: part(ld)              !< scratch
    real(wp) :: d(chunk_rows), z
    integer(ip) :: b, before, first, rows, i, at

    s%gd = 0
    dtd = 0
    do b = 1, nblocks
      before = (b - 1) * ld
      rows = min(ld, n - before)
      part(1:rows) = -g(before + 1:before + rows)
      call k%combine(rows, ld, ncol, which, w(:, :, b), coef, part)
      do first = 1, min(ld, n - before), chunk_rows
        at = before + first - 1
        rows = min(chunk_rows, ld - first + 1, n - at)
        do i = 1, rows
          z = x(at + i) + part(first - 1 + i) / s%theta
          d(i) = z - x(at + i)
          t(at + i) = x(at + i)
          x(at + i) = z
        end do
        do i = 1, rows
          w(first - 1 + i, spare, b) = d(i)
          w(first - 1 + i, m + 1 + spare, b) = g(at + i)
        end do
        s%gd = s%gd + dot(rows, d, g(at + 1))
        dtd = dtd + sum_squares(rows, d)
      end do
    end do
  end subroutine open_step

  !> The second pass with bounds: the minimizer over the free variables, projected into the box.
  !>
  !> The Cauchy point and, for the free, (scale v + sum of coef(c) times column which(c)) / theta on
  !> from there (ncol = 0: not at all), put between the bounds, becomes the trial point x; the
  !> iterate goes to t, d and g to column `spare`. Gives gd = g^T d, dtd = d^T d, the longest step
  !> along d inside the box, and in iword whether a bound was met.
  pure subroutine bounded_step(k, s, n, m, ld, nblocks, w, spare, ncol, which, coef, scale, length, &
      marks, l, u, g, x, t, part, dtd)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nblocks, spare, ncol, which(ncol)
    real(wp), intent(inout) :: w(ld, 2 * m + 2, nblocks)
    real(wp), intent(in) :: coef(ncol), scale, length, l(n), u(n), g(n)
    integer(kb), intent(in) :: marks(n)
    real(wp), intent(inout) :: x(n)
    real(wp), intent(out) :: t(n), dtd
    real(wp), intent(out) :: part(ld)              !< scratch
    real(wp), dimension(chunk_rows) :: d, free, reach, met
    integer(ip) :: b, before, first, rows, i, at
    logical :: hit

    s%gd = 0
    dtd = 0
    s%stpmx = huge(s%stpmx)
    hit = .false.
    do b = 1, nblocks
      before = (b - 1) * ld
      rows = min(ld, n - before)
      if (ncol > 0) then
        part(1:rows) = -scale * g(before + 1:before + rows)
        call k%combine(rows, ld, ncol, which, w(:, :, b), coef, part)
      else
        part(1:rows) = 0
      end if
      do first = 1, min(ld, n - before), chunk_rows
        at = before + first - 1
        rows = min(chunk_rows, ld - first + 1, n - at)
        do i = 1, rows
          free(i) = real(iand(marks(at + i), mark_free), wp)
        end do
        call k%land(rows, s%theta, length, l(at + 1), u(at + 1), g(at + 1), part(first), free, x(at + 1), &
          t(at + 1), d, reach, met)
        w(first:first + rows - 1, spare, b) = d(1:rows)
        w(first:first + rows - 1, m + 1 + spare, b) = g(at + 1:at + rows)
        s%gd = s%gd + dot(rows, d, g(at + 1))
        dtd = dtd + sum_squares(rows, d)
        s%stpmx = min(s%stpmx, least(rows, reach))
        if (.not. hit) hit = total(rows, met) > 0
      end do
    end do
    s%iword = merge(merge(1_ic, 0_ic, hit), -1_ic, ncol > 0)
  end subroutine bounded_step

  !> When the projected point is uphill: from the Cauchy point along the step as far as the box
  !> allows (the rule of Algorithm 778 before 2011). Arguments as bounded_step's, after it: t is the
  !> iterate.
  pure subroutine shortened_step(k, s, n, m, ld, nblocks, w, spare, ncol, which, coef, scale, length, &
      marks, l, u, g, x, t, part, dtd)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nblocks, spare, ncol, which(ncol)
    real(wp), intent(inout) :: w(ld, 2 * m + 2, nblocks)
    real(wp), intent(in) :: coef(ncol), scale, length, l(n), u(n), g(n), t(n)
    integer(kb), intent(in) :: marks(n)
    real(wp), intent(inout) :: x(n)
    real(wp), intent(out) :: dtd
    real(wp), intent(out) :: part(ld)              !< scratch
    real(wp) :: alpha, limit, step, room
    integer(ip) :: b, first, last, rows, i, at, stopper

    alpha = 1
    limit = alpha
    stopper = 0
    do b = 1, nblocks
      first = (b - 1) * ld + 1
      last = min(n, b * ld)
      rows = last - first + 1
      part(1:rows) = -scale * g(first:last)
      call k%combine(rows, ld, ncol, which, w(:, :, b), coef, part)
      do i = 1, rows
        at = first + i - 1
        if (iand(marks(at), mark_free) == 0) cycle
        step = part(i) / s%theta
        x(at) = t(at) - length * g(at)                ! the Cauchy point
        w(i, spare, b) = step
        room = merge(l(at) - x(at), u(at) - x(at), step < 0)
        if (step < 0) then
          if (room >= 0) then
            limit = 0
          else if (step * alpha < room) then
            limit = room / step
          end if
        else if (step > 0) then
          if (room <= 0) then
            limit = 0
          else if (step * alpha > room) then
            limit = room / step
          end if
        end if
        if (limit < alpha) then
          alpha = limit
          stopper = at
        end if
      end do
    end do

    s%gd = 0
    dtd = 0
    s%stpmx = huge(s%stpmx)
    do b = 1, nblocks
      first = (b - 1) * ld + 1
      last = min(n, b * ld)
      rows = last - first + 1
      do i = 1, rows
        at = first + i - 1
        if (iand(marks(at), mark_free) /= 0) then
          step = w(i, spare, b)
          if (at == stopper) then
            x(at) = merge(l(at), u(at), step < 0)
          else
            x(at) = x(at) + alpha * step
          end if
        end if
        part(i) = x(at) - t(at)
        if (abs(part(i)) > 0) then
          room = merge(l(at) - t(at), u(at) - t(at), part(i) < 0)
          s%stpmx = min(s%stpmx, room / part(i))
        end if
      end do
      w(1:rows, spare, b) = part(1:rows)
      s%gd = s%gd + dot(rows, part, g(first:last))
      dtd = dtd + sum_squares(rows, part)
    end do
    s%iword = merge(1_ic, 0_ic, alpha < 1)
  end subroutine shortened_step

end module fitcore_lb_passes
