!> A step of sufficient decrease and curvature, by safeguarded cubic interpolation.
!>
!> Moré, Thuente (1994), Line search algorithms with guaranteed sufficient decrease, ACM TOMS
!> 20(3), 286-307: the algorithm of section 2, with the trial values of section 4.
module fitcore_line_search
  use fitcore_kinds, only: wp, ic
  implicit none (type, external)
  private
  public :: search_start, search_step

  ! What search_step gives.
  integer(ic), parameter, public :: search_evaluate = 0   !< f and g at the new stp are wanted
  integer(ic), parameter, public :: search_converged = 1  !< stp satisfies both conditions
  integer(ic), parameter, public :: search_warning = 2    !< stp is the best that can be done

  real(wp), parameter :: extrapolate_least = 1.1_wp, extrapolate_most = 4.0_wp
  real(wp), parameter :: shrink = 0.66_wp

  ! Places in the state.
  integer, parameter :: finit = 1, ginit = 2, gtest = 3, stx = 4, fx = 5, gx = 6, sty = 7, fy = 8, &
    gy = 9, stmin = 10, stmax = 11, width = 12, width1 = 13
  integer, parameter :: bracketed = 1, phase = 2

contains

  !> Begin at f and g, value and slope at step 0, with the first trial stp.
  pure subroutine search_start(f, g, stp, ftol, stpmin, stpmax, w, flags)
    real(wp), intent(in) :: f, g, stp, ftol, stpmin, stpmax
    real(wp), intent(out) :: w(16)
    integer(ic), intent(out) :: flags(4)

    w = 0
    flags = 0
    flags(phase) = 1
    w(finit) = f
    w(ginit) = g
    w(gtest) = ftol * g
    w(width) = stpmax - stpmin
    w(width1) = w(width) / 0.5_wp
    w(fx) = f
    w(gx) = g
    w(fy) = f
    w(gy) = g
    w(stmax) = stp + extrapolate_most * stp
  end subroutine search_start

  !> Judge the trial stp by its value f and slope g, and give the next one or the end.
  pure subroutine search_step(f, g, stp, gtol, xtol, stpmin, stpmax, w, flags, outcome)
    real(wp), intent(in) :: f, g
    real(wp), intent(inout) :: stp
    real(wp), intent(in) :: gtol, xtol, stpmin, stpmax
    real(wp), intent(inout) :: w(16)
    integer(ic), intent(inout) :: flags(4)
    integer(ic), intent(out) :: outcome
    real(wp) :: ftest, fm, fxm, fym, gm, gxm, gym
    logical :: bracket

    bracket = flags(bracketed) == 1
    ftest = w(finit) + stp * w(gtest)
    if (flags(phase) == 1 .and. f <= ftest .and. g >= 0) flags(phase) = 2

    outcome = search_evaluate
    if (bracket .and. (stp <= w(stmin) .or. stp >= w(stmax))) outcome = search_warning
    if (bracket .and. w(stmax) - w(stmin) <= xtol * w(stmax)) outcome = search_warning
    if (stp >= stpmax .and. f <= ftest .and. g <= w(gtest)) outcome = search_warning
    if (stp <= stpmin .and. (f > ftest .or. g >= w(gtest))) outcome = search_warning
    if (f <= ftest .and. abs(g) <= gtol * (-w(ginit))) outcome = search_converged
    if (outcome /= search_evaluate) return

    if (flags(phase) == 1 .and. f <= w(fx) .and. f > ftest) then
      ! decrease is not sufficient yet: work on f minus the line of sufficient decrease
      fm = f - stp * w(gtest)
      fxm = w(fx) - w(stx) * w(gtest)
      fym = w(fy) - w(sty) * w(gtest)
      gm = g - w(gtest)
      gxm = w(gx) - w(gtest)
      gym = w(gy) - w(gtest)
      call trial(w(stx), fxm, gxm, w(sty), fym, gym, stp, fm, gm, bracket, w(stmin), w(stmax))
      w(fx) = fxm + w(stx) * w(gtest)
      w(fy) = fym + w(sty) * w(gtest)
      w(gx) = gxm + w(gtest)
      w(gy) = gym + w(gtest)
    else
      call trial(w(stx), w(fx), w(gx), w(sty), w(fy), w(gy), stp, f, g, bracket, w(stmin), w(stmax))
    end if

    if (bracket) then
      if (abs(w(sty) - w(stx)) >= shrink * w(width1)) stp = w(stx) + 0.5_wp * (w(sty) - w(stx))
      w(width1) = w(width)
      w(width) = abs(w(sty) - w(stx))
      w(stmin) = min(w(stx), w(sty))
      w(stmax) = max(w(stx), w(sty))
    else
      w(stmin) = stp + extrapolate_least * (stp - w(stx))
      w(stmax) = stp + extrapolate_most * (stp - w(stx))
    end if
    stp = min(max(stp, stpmin), stpmax)
    if (bracket .and. (stp <= w(stmin) .or. stp >= w(stmax) &
      .or. w(stmax) - w(stmin) <= xtol * w(stmax))) stp = w(stx)
    flags(bracketed) = merge(1_ic, 0_ic, bracket)
  end subroutine search_step

  !> The next trial value, and the interval that holds a minimizer; section 4 of the paper.
  !> (a, fa, da) is the best point so far, (b, fb, db) the other end, (t, ft, dt) the present trial.
  pure subroutine trial(a, fa, da, b, fb, db, t, ft, dt, bracket, least, most)
    real(wp), intent(inout) :: a, fa, da, b, fb, db, t
    real(wp), intent(in) :: ft, dt, least, most
    logical, intent(inout) :: bracket
    real(wp) :: theta, s, gamma, p, q, r, cubic, secant, next, sign_change

    sign_change = dt * (da / abs(da))
    if (ft > fa) then
      ! higher value: the minimum is bracketed; the cubic step if it is nearer than the quadratic
      theta = 3 * (fa - ft) / (t - a) + da + dt
      s = max(abs(theta), abs(da), abs(dt))
      gamma = s * sqrt((theta / s)**2 - (da / s) * (dt / s))
      if (t < a) gamma = -gamma
      p = (gamma - da) + theta
      q = ((gamma - da) + gamma) + dt
      r = p / q
      cubic = a + r * (t - a)
      secant = a + ((da / ((fa - ft) / (t - a) + da)) / 2) * (t - a)
      if (abs(cubic - a) < abs(secant - a)) then
        next = cubic
      else
        next = cubic + (secant - cubic) / 2
      end if
      bracket = .true.

    else if (sign_change < 0) then
      ! lower value, slopes of opposite sign: bracketed; the farther of cubic and secant
      theta = 3 * (fa - ft) / (t - a) + da + dt
      s = max(abs(theta), abs(da), abs(dt))
      gamma = s * sqrt((theta / s)**2 - (da / s) * (dt / s))
      if (t > a) gamma = -gamma
      p = (gamma - dt) + theta
      q = ((gamma - dt) + gamma) + da
      r = p / q
      cubic = t + r * (a - t)
      secant = t + (dt / (dt - da)) * (a - t)
      if (abs(cubic - t) > abs(secant - t)) then
        next = cubic
      else
        next = secant
      end if
      bracket = .true.

    else if (abs(dt) < abs(da)) then
      ! lower value, same sign, smaller slope: the cubic may have no minimum beyond the trial
      theta = 3 * (fa - ft) / (t - a) + da + dt
      s = max(abs(theta), abs(da), abs(dt))
      gamma = s * sqrt(max(0.0_wp, (theta / s)**2 - (da / s) * (dt / s)))
      if (t > a) gamma = -gamma
      p = (gamma - dt) + theta
      q = (gamma + (da - dt)) + gamma
      r = p / q
      if (r < 0 .and. abs(gamma) > 0) then
        cubic = t + r * (a - t)
      else if (t > a) then
        cubic = most
      else
        cubic = least
      end if
      secant = t + (dt / (dt - da)) * (a - t)
      if (bracket) then
        if (abs(cubic - t) < abs(secant - t)) then
          next = cubic
        else
          next = secant
        end if
        if (t > a) then
          next = min(t + shrink * (b - t), next)
        else
          next = max(t + shrink * (b - t), next)
        end if
      else
        if (abs(cubic - t) > abs(secant - t)) then
          next = cubic
        else
          next = secant
        end if
        next = max(least, min(most, next))
      end if

    else
      ! lower value, same sign, slope not smaller
      if (bracket) then
        theta = 3 * (ft - fb) / (b - t) + db + dt
        s = max(abs(theta), abs(db), abs(dt))
        gamma = s * sqrt((theta / s)**2 - (db / s) * (dt / s))
        if (t > b) gamma = -gamma
        p = (gamma - dt) + theta
        q = ((gamma - dt) + gamma) + db
        r = p / q
        next = t + r * (b - t)
      else if (t > a) then
        next = most
      else
        next = least
      end if
    end if

    if (ft > fa) then
      b = t
      fb = ft
      db = dt
    else
      if (sign_change < 0) then
        b = a
        fb = fa
        db = da
      end if
      a = t
      fa = ft
      da = dt
    end if
    t = next
  end subroutine trial

end module fitcore_line_search
