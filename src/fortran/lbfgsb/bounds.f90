!> The box: projection, projected gradient, and the beginning of the projected gradient path.
!>
!> A bound that is not there is an infinity in l or u, which the arithmetic carries through.
module fitcore_bounds
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_vectors, only: dot, total, greatest, least
  use fitcore_lb_types, only: lb_state, kb
  use fitcore_lb_kernels, only: kernels, chunk_rows
  implicit none (type, external)
  private
  public :: project_start, begin_inspection, inspect_block, inspect_open_block, end_inspection
  public :: breakpoint, count_free

  ! What is known of a variable, as bits of its mark: whether it is free at the Cauchy point that is
  ! being sought; whether it was at the last one; whether it entered or left the free set there.
  integer(kb), parameter, public :: mark_free = 1, mark_was_free = 2, mark_entered = 4, mark_left = 8

contains

  !> Put x into the box, and see what kind of box it is.
  pure subroutine project_start(n, x, l, u, projected, constrained, boxed)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n)
    real(wp), intent(in) :: l(n), u(n)
    integer(ic), intent(out) :: projected, constrained, boxed
    integer(ip) :: i

    projected = 0
    constrained = 0
    boxed = 1
    do i = 1, n
      if (l(i) >= -huge(l) .or. u(i) <= huge(u)) constrained = 1
      if (l(i) < -huge(l) .or. u(i) > huge(u)) boxed = 0
      if (x(i) < l(i)) then
        projected = 1
        x(i) = l(i)
      else if (x(i) > u(i)) then
        projected = 1
        x(i) = u(i)
      end if
    end do
  end subroutine project_start

  !> Clear what inspect_block sums up.
  pure subroutine begin_inspection(s, check)
    type(lb_state), intent(inout) :: s
    real(wp), intent(out) :: check                 !< NaN once g is no finite number
    s%sbgnrm = 0
    s%slope = 0
    s%least_break = huge(s%least_break)
    s%nbreak = 0
    s%nopen = 0
    s%nactive = 0
    check = 0
  end subroutine begin_inspection

  !> The norm is NaN if g held NaN or infinity.
  pure subroutine end_inspection(s, check)
    type(lb_state), intent(inout) :: s
    real(wp), intent(in) :: check
    s%sbgnrm = s%sbgnrm + check
  end subroutine end_inspection

  !> The projected gradient direction v of some variables, with their part of
  !> - the infinity norm of P(x - g) - x (Byrd et al. 1995, equation 6.1);
  !> - the slope g^T v, and the bounds that x + t v meets (section 4 there).
  !>
  !> v is -g, but 0 for a variable held by its bound, where `held` is 1 and the mark says so.
  pure subroutine inspect_block(k, rows, x, l, u, g, marks, s, check, v, held, nheld)
    type(kernels), intent(in) :: k
    integer(ip), intent(in) :: rows
    real(wp), intent(in) :: x(rows), l(rows), u(rows), g(rows)
    integer(kb), intent(inout) :: marks(rows)
    type(lb_state), intent(inout) :: s
    real(wp), intent(inout) :: check
    real(wp), intent(out) :: v(rows), held(rows)
    integer(ip), intent(out) :: nheld
    real(wp), dimension(chunk_rows) :: size, breaks, meets, open, at, zero
    integer(ip) :: i

    call k%look(rows, x, l, u, g, v, held, size, breaks, meets, open, at, zero)
    s%sbgnrm = max(s%sbgnrm, greatest(rows, size))
    check = check + total(rows, zero)
    s%slope = s%slope - dot(rows, v, v)
    s%least_break = min(s%least_break, least(rows, breaks))
    s%nactive = s%nactive + nint(total(rows, at), ip)
    s%nbreak = s%nbreak + nint(total(rows, meets), ip)
    s%nopen = s%nopen + nint(total(rows, open), ip)
    nheld = nint(total(rows, held), ip)
    if (nheld == 0) then
      marks = ior(marks, mark_free)
    else
      do i = 1, rows
        marks(i) = ior(iand(marks(i), not(mark_free)), merge(0_kb, mark_free, held(i) > 0))
      end do
    end if
  end subroutine inspect_block

  !> The same where there are no bounds: v is -g.
  pure subroutine inspect_open_block(rows, g, s, check)
    integer(ip), intent(in) :: rows
    real(wp), intent(in) :: g(rows)
    type(lb_state), intent(inout) :: s
    real(wp), intent(inout) :: check
    real(wp), dimension(chunk_rows) :: size, zero
    integer(ip) :: i

    do i = 1, rows
      size(i) = abs(g(i))
      zero(i) = 0.0_wp * g(i)
    end do
    s%sbgnrm = max(s%sbgnrm, greatest(rows, size))
    check = check + total(rows, zero)
    s%slope = s%slope - dot(rows, g, g)
  end subroutine inspect_open_block

  !> Where the path from x along v = -g meets the bound of a variable, as inspect_block has it.
  elemental real(wp) function breakpoint(x, l, u, g) result(t)
    real(wp), intent(in) :: x, l, u, g
    t = merge(x - l, u - x, g > 0) / abs(g)
  end function breakpoint

  !> Count the free variables, and those that entered and left the free set since the last time.
  pure subroutine count_free(n, marks, first, nfree, nenter, nleave)
    integer(ip), intent(in) :: n
    integer(kb), intent(inout) :: marks(n)
    logical, intent(in) :: first                   !< there is no last time
    integer(ip), intent(out) :: nfree, nenter, nleave
    integer(kb) :: free, was
    integer(ic) :: kept, came, went
    integer(ip) :: i, begin

    nfree = 0
    nenter = 0
    nleave = 0
    do begin = 1, n, chunk_rows
      kept = 0
      came = 0
      went = 0
      do i = begin, min(n, begin + chunk_rows - 1)
        free = iand(marks(i), mark_free)
        was = iand(marks(i) / mark_was_free, 1_kb)
        was = merge(free, was, first)
        kept = kept + free
        came = came + free * (1_kb - was)
        went = went + was * (1_kb - free)
        marks(i) = 3_kb * free + mark_entered * (free * (1_kb - was)) + mark_left * (was * (1_kb - free))
      end do
      nfree = nfree + kept
      nenter = nenter + came
      nleave = nleave + went
    end do
  end subroutine count_free

end module fitcore_bounds
