!> MINUIT's mapping of bounded to unbounded variables, for batches of fits.
!>
!> F. James, M. Roos, "Minuit", Computer Physics Communications 10, 343-367 (1975), section 5.3.1.
!> In the forms of the class ParameterBase, which do not cancel: a value keeps its digits however
!> near to a bound it is, and however large the bound or the range.
module fitcore_normal_bounds
  use fitcore_kinds, only: wp, ip, ic
  implicit none (type, external)
  private
  public :: to_internal, to_external, near_bound

  !> Values nearer to a bound than this part of the range, or of max(1, |bound|), are left to the
  !> ordinary solver, which knows what to do there; so are those whose mapping has less than this
  !> part of its greatest slope.
  real(wp), parameter :: near = 2.0e-4_wp, beside = 0.1_wp

  real(wp), parameter :: quarter = asin(1.0_wp)

contains

  !> Internal values of v, which lies between its bounds.
  pure subroutine to_internal(n, lower, upper, v, u) bind(c, name='fitcore_normal_to_internal')
    integer(ip), intent(in), value :: n
    real(wp), intent(in) :: lower(n), upper(n), v(n)
    real(wp), intent(out) :: u(n)
    real(wp) :: half, s
    integer(ip) :: j
    logical :: below, above

    do j = 1, n
      below = lower(j) >= -huge(lower)
      above = upper(j) <= huge(upper)
      if (below .and. above) then
        half = 0.5_wp * upper(j) - 0.5_wp * lower(j)
        s = (v(j) - (0.5_wp * lower(j) + 0.5_wp * upper(j))) / half
        ! beyond the middle half by the distance from the nearer bound
        if (s < -0.5_wp) then
          u(j) = 2 * asin(sqrt((0.5_wp * v(j) - 0.5_wp * lower(j)) / half)) - quarter
        else if (s > 0.5_wp) then
          u(j) = quarter - 2 * asin(sqrt((0.5_wp * upper(j) - 0.5_wp * v(j)) / half))
        else
          u(j) = asin(s)
        end if
      else if (below .or. above) then
        s = merge(v(j) - lower(j), upper(j) - v(j), below)
        u(j) = sqrt(s) * sqrt(s + 2)
      else
        u(j) = v(j)
      end if
    end do
  end subroutine to_internal

  !> Values of the internal u, and their derivatives.
  pure subroutine to_external(n, lower, upper, u, v, slope) bind(c, name='fitcore_normal_to_external')
    integer(ip), intent(in), value :: n
    real(wp), intent(in) :: lower(n), upper(n), u(n)
    real(wp), intent(out) :: v(n), slope(n)
    real(wp) :: root, half, s, distance
    integer(ip) :: j
    logical :: below, above

    do j = 1, n
      below = lower(j) >= -huge(lower)
      above = upper(j) <= huge(upper)
      if (below .and. above) then
        half = 0.5_wp * upper(j) - 0.5_wp * lower(j)
        s = sin(u(j))
        slope(j) = cos(u(j)) * half
        ! 1 - |s| without cancellation
        distance = half * (cos(u(j))**2 / (1 + abs(s)))
        if (s < -0.5_wp) then
          v(j) = lower(j) + distance
        else if (s > 0.5_wp) then
          v(j) = upper(j) - distance
        else
          v(j) = 0.5_wp * lower(j) + 0.5_wp * upper(j) + half * s
        end if
        v(j) = min(max(v(j), lower(j)), upper(j))
      else if (below .or. above) then
        root = hypot(u(j), 1.0_wp)
        distance = u(j) * (u(j) / (1 + root))
        if (below) then
          v(j) = lower(j) + distance
          slope(j) = u(j) / root
        else
          v(j) = upper(j) - distance
          slope(j) = -u(j) / root
        end if
      else
        v(j) = u(j)
        slope(j) = 1
      end if
    end do
  end subroutine to_external

  !> Whether a value is near a bound, or its mapping has little slope.
  pure function near_bound(n, lower, upper, v) bind(c, name='fitcore_normal_near_bound')
    integer(ip), intent(in), value :: n
    real(wp), intent(in) :: lower(n), upper(n), v(n)
    integer(ic) :: near_bound
    real(wp) :: span, distance, t
    integer(ip) :: j
    logical :: below, above

    near_bound = 1
    do j = 1, n
      below = lower(j) >= -huge(lower)
      above = upper(j) <= huge(upper)
      if (.not. (below .or. above)) cycle
      distance = min(v(j) - lower(j), upper(j) - v(j))
      if (below .and. above) then
        span = upper(j) - lower(j)
        t = distance / span
        ! the slope of the sine, as a part of its greatest
        if (.not. (t > near .and. 2 * sqrt(t * (1 - t)) > beside)) return
      else
        span = max(1.0_wp, abs(merge(lower(j), upper(j), below)))
        t = distance + 1
        if (.not. (distance > near * span .and. sqrt(t**2 - 1) > beside * t)) return
      end if
    end do
    near_bound = 0
  end function near_bound

end module fitcore_normal_bounds
