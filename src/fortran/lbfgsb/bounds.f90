!> The box: projection, projected gradient, and the longest step inside.
module fitcore_bounds
  use fitcore_kinds, only: wp, ip, ic
  use, intrinsic :: iso_c_binding, only: c_signed_char
  implicit none (type, external)
  private
  public :: project_start, projected_gradient, longest_step, count_active

  integer, parameter, public :: kb = c_signed_char         !< kind of nbd

  ! nbd(i): which bounds variable i has.
  integer(kb), parameter, public :: nbd_none = 0, nbd_lower = 1, nbd_both = 2, nbd_upper = 3

  ! iwhere(i): what is known of variable i.
  integer(ip), parameter, public :: where_unbounded = -1   !< it has no bounds
  integer(ip), parameter, public :: where_free = 0         !< it has bounds, and is between them
  integer(ip), parameter, public :: where_lower = 1, where_upper = 2  !< fixed at one
  integer(ip), parameter, public :: where_fixed = 3        !< both bounds are the same
  integer(ip), parameter, public :: where_still = -3       !< free, with a zero gradient

contains

  !> Put x into the box, and begin iwhere.
  pure subroutine project_start(n, x, l, u, nbd, iwhere, projected, constrained, boxed)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n)
    real(wp), intent(in) :: l(n), u(n)
    integer(kb), intent(in) :: nbd(n)
    integer(ip), intent(out) :: iwhere(n)
    integer(ic), intent(out) :: projected, constrained, boxed
    integer(ip) :: i

    projected = 0
    constrained = 0
    boxed = 1
    do i = 1, n
      if (nbd(i) == nbd_none) then
        iwhere(i) = where_unbounded
        boxed = 0
        cycle
      end if
      constrained = 1
      if (nbd(i) /= nbd_both) boxed = 0
      iwhere(i) = where_free
      if (nbd(i) <= nbd_both) then
        if (x(i) < l(i)) then
          projected = 1
          x(i) = l(i)
        end if
      end if
      if (nbd(i) >= nbd_both) then
        if (x(i) > u(i)) then
          projected = 1
          x(i) = u(i)
        end if
      end if
      if (nbd(i) == nbd_both) then
        if (u(i) - l(i) <= 0) iwhere(i) = where_fixed
      end if
    end do
  end subroutine project_start

  !> Infinity norm of the projected gradient P(x - g) - x (Byrd et al. 1995, equation 6.1).
  !> NaN if g holds NaN or infinity.
  pure real(wp) function projected_gradient(n, x, l, u, nbd, g) result(norm)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: x(n), l(n), u(n), g(n)
    integer(kb), intent(in) :: nbd(n)
    real(wp) :: gi, check
    integer(ip) :: i

    norm = 0
    check = 0                                        ! 0 g(i) is NaN if g(i) is no finite number
    do i = 1, n
      gi = g(i)
      check = check + 0.0_wp * gi
      if (nbd(i) /= nbd_none) then
        if (gi < 0) then
          if (nbd(i) >= nbd_both) gi = max(x(i) - u(i), gi)
        else
          if (nbd(i) <= nbd_both) gi = min(x(i) - l(i), gi)
        end if
      end if
      norm = max(norm, abs(gi))
    end do
    norm = norm + check
  end function projected_gradient

  !> Longest step along d that stays in the box, at most `most`.
  pure real(wp) function longest_step(n, x, l, u, nbd, d, most) result(step)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: x(n), l(n), u(n), d(n), most
    integer(kb), intent(in) :: nbd(n)
    real(wp) :: room
    integer(ip) :: i

    step = most
    do i = 1, n
      if (nbd(i) == nbd_none) cycle
      if (d(i) < 0 .and. nbd(i) <= nbd_both) then
        room = l(i) - x(i)
        if (room >= 0) then
          step = 0
        else if (d(i) * step < room) then
          step = room / d(i)
        end if
      else if (d(i) > 0 .and. nbd(i) >= nbd_both) then
        room = u(i) - x(i)
        if (room <= 0) then
          step = 0
        else if (d(i) * step > room) then
          step = room / d(i)
        end if
      end if
    end do
  end function longest_step

  !> Variables at a bound.
  pure integer(ip) function count_active(n, x, l, u, nbd) result(active)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: x(n), l(n), u(n)
    integer(kb), intent(in) :: nbd(n)
    integer(ip) :: i
    logical :: at

    active = 0
    do i = 1, n
      at = .false.
      if (nbd(i) == nbd_lower .or. nbd(i) == nbd_both) at = x(i) <= l(i)
      if (nbd(i) >= nbd_both) at = at .or. x(i) >= u(i)
      if (at) active = active + 1
    end do
  end function count_active

end module fitcore_bounds
