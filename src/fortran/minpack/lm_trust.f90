!> The trust region of the Levenberg-Marquardt method: what the drivers that take a Jacobian whole
!> (lm_driver.f90) and by rows (lm_rows.f90) have in common, once there is a triangle R.
!>
!> Moré (1978), algorithm 7.1, with the constants of MINPACK-1 (Moré, Garbow, Hillstrom 1980,
!> ANL-80-74, routines LMDIF, LMDER and LMSTR).
module fitcore_lm_trust
  use fitcore_kinds, only: wp, ip, ic, eps
  use fitcore_vectors, only: norm
  use fitcore_lm_types
  use fitcore_lm_parameter, only: lm_parameter
  implicit none (type, external)
  private
  public :: ask, lm_stop, take_start, take_factors, judge_trial, test_end

contains

  !> Stop the fit now, with an outcome of the caller's (negative, by custom).
  pure subroutine lm_stop(state, info) bind(c, name='fitcore_lm_stop')
    type(lm_state), intent(inout) :: state
    integer(ic), intent(in), value :: info
    state%info = info
    state%task = task_done
  end subroutine lm_stop

  !> Hand a task to the caller.
  pure subroutine ask(state, task)
    type(lm_state), intent(inout) :: state
    integer(ic), intent(in) :: task
    state%stage = task
    state%task = task
  end subroutine ask

  !> The norm of the residuals at the start.
  pure subroutine take_start(state, fnorm)
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: fnorm

    state%fnorm = fnorm
    if (fnorm <= huge(fnorm)) then
      call ask(state, task_jacobian)
    else
      call lm_stop(state, info_nonfinite)
    end if
  end subroutine take_start

  !> With the factors of a new Jacobian: scale the variables, look at the gradient, and propose a
  !> step.
  pure subroutine take_factors(state, x, r, ldr, acnorm, diag, qtf, ipvt, xt, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n)
    integer(ip), intent(in) :: ldr                     !< leading dimension of r
    integer(ip), intent(in) :: ipvt(state%n)
    real(wp), intent(inout) :: r(ldr, state%n)         !< upper triangle R; scratch below
    real(wp), intent(in) :: acnorm(state%n)            !< norms of the Jacobian's columns
    real(wp), intent(inout) :: diag(state%n)
    real(wp), intent(in) :: qtf(state%n)
    real(wp), intent(inout) :: xt(state%n)
    real(wp), intent(inout) :: wa(4 * state%n)
    integer(ip) :: j

    if (.not. all(abs(acnorm) <= huge(1.0_wp))) then
      call lm_stop(state, info_nonfinite)
      return
    end if

    if (state%njev == 1) then
      if (state%mode == 1) then
        do j = 1, state%n
          diag(j) = acnorm(j)
          if (.not. abs(diag(j)) > 0) diag(j) = 1
        end do
      end if
      xt = diag * x
      state%xnorm = norm(state%n, xt)
      state%delta = state%factor * state%xnorm
      if (.not. abs(state%delta) > 0) state%delta = state%factor
    end if

    state%gnorm = cosine(state%n, r, ldr, ipvt, qtf, acnorm, state%fnorm)
    if (state%gnorm <= state%gtol) then
      call lm_stop(state, info_gtol)
      return
    end if
    if (state%mode == 1) diag = max(diag, acnorm)
    call propose(state, x, r, ldr, diag, qtf, ipvt, xt, wa)
  end subroutine take_factors

  !> Greatest |cosine| of the angle between the residuals and a column of the Jacobian.
  pure real(wp) function cosine(n, r, ldr, ipvt, qtf, acnorm, fnorm) result(gnorm)
    integer(ip), intent(in) :: n, ldr, ipvt(n)
    real(wp), intent(in) :: r(ldr, n), qtf(n), acnorm(n), fnorm
    real(wp) :: s
    integer(ip) :: i, j

    gnorm = 0
    if (.not. abs(fnorm) > 0) return
    do j = 1, n
      if (abs(acnorm(ipvt(j))) > 0) then
        s = 0
        do i = 1, j
          s = s + r(i, j) * (qtf(i) / fnorm)
        end do
        gnorm = max(gnorm, abs(s / acnorm(ipvt(j))))
      end if
    end do
  end function cosine

  !> The step p of the present delta, the trial point x + p, and what the linear model promises.
  pure subroutine propose(state, x, r, ldr, diag, qtf, ipvt, xt, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), diag(state%n), qtf(state%n)
    integer(ip), intent(in) :: ldr, ipvt(state%n)
    real(wp), intent(inout) :: r(ldr, state%n)
    real(wp), intent(out) :: xt(state%n)
    real(wp), intent(inout) :: wa(4 * state%n)
    real(wp) :: model, damping
    integer(ip) :: n, i, j

    n = state%n
    associate (p => wa(1:n), wa2 => wa(n + 1:2 * n), wa3 => wa(2 * n + 1:3 * n), &
        wa4 => wa(3 * n + 1:4 * n))
      call lm_parameter(n, r, ldr, ipvt, diag, qtf, state%delta, state%par, p, wa2, wa3, wa4)
      p = -p
      xt = x + p
      wa2 = diag * p
      state%pnorm = norm(n, wa2)
      if (state%nit == 0) state%delta = min(state%delta, state%pnorm)

      ! R P^T p, for the reduction that the linear model predicts
      wa3 = 0
      do j = 1, n
        do i = 1, j
          wa3(i) = wa3(i) + r(i, j) * p(ipvt(j))
        end do
      end do
      model = norm(n, wa3) / state%fnorm
      damping = sqrt(state%par) * state%pnorm / state%fnorm
      state%prered = model**2 + damping**2 / 0.5_wp
      state%actred = -(model**2 + damping**2)      ! the directional derivative, until the trial
    end associate
    call ask(state, task_residual)
  end subroutine propose

  !> Compare the trial with the prediction, move or shrink, and test for the end.
  pure subroutine judge_trial(state, x, r, ldr, diag, qtf, ipvt, xt, fnorm_trial, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%n)
    real(wp), intent(in) :: diag(state%n), qtf(state%n)
    integer(ip), intent(in) :: ldr, ipvt(state%n)
    real(wp), intent(inout) :: r(ldr, state%n)
    real(wp), intent(inout) :: xt(state%n)
    real(wp), intent(in) :: fnorm_trial            !< |f(xt)|
    real(wp), intent(inout) :: wa(4 * state%n)
    real(wp) :: dirder, shrink
    logical :: accepted, full

    dirder = state%actred
    full = .not. state%par > 0

    ! a trial that is no number counts as no reduction, and the step bound shrinks
    state%actred = -1
    if (0.1_wp * fnorm_trial < state%fnorm) state%actred = 1 - (fnorm_trial / state%fnorm)**2
    state%ratio = 0
    if (abs(state%prered) > 0) state%ratio = state%actred / state%prered

    if (state%ratio <= 0.25_wp) then
      if (state%actred >= 0) then
        shrink = 0.5_wp
      else
        shrink = 0.5_wp * dirder / (dirder + 0.5_wp * state%actred)
      end if
      if (0.1_wp * fnorm_trial >= state%fnorm .or. shrink < 0.1_wp) shrink = 0.1_wp
      state%delta = shrink * min(state%delta, state%pnorm / 0.1_wp)
      state%par = state%par / shrink
    else if (.not. state%par > 0 .or. state%ratio >= 0.75_wp) then
      state%delta = state%pnorm / 0.5_wp
      state%par = 0.5_wp * state%par
    end if

    accepted = state%ratio >= 1.0e-4_wp
    if (accepted) then
      x = xt
      state%moved = 1
      wa(1:state%n) = diag * x
      state%xnorm = norm(state%n, wa(1:state%n))
      state%fnorm = fnorm_trial
      state%nit = state%nit + 1
    end if

    call test_end(state)
    if (state%task /= task_done .and. accepted .and. full .and. is_near(state)) call lm_stop(state, info_ftol)
    state%before = merge(state%prered, 0.0_wp, accepted .and. full)
    ! a step bound that has shrunk before a wall of NaN or infinity has not converged
    if (state%task == task_done .and. state%nit == 0 .and. .not. fnorm_trial <= huge(fnorm_trial)) then
      if (state%info == info_xtol .or. state%info == info_xtol_small) state%info = info_nonfinite
    end if
    if (state%task == task_done) return
    if (accepted) then
      call ask(state, task_iteration)
    else
      call propose(state, x, r, ldr, diag, qtf, ipvt, xt, wa)
    end if
  end subroutine judge_trial

  !> Whether the solution is near, to one who will refine it: state%nearby.
  !>
  !> Close to it the lengths of full steps fall by a constant factor, whose square is that of what
  !> they promise. The next one must be short, also beside x, since the Jacobian for the covariance is
  !> that of where it begins; and what is left after it ten times shorter still.
  pure logical function is_near(state)
    type(lm_state), intent(in) :: state
    real(wp) :: rate, next                         ! both squared

    is_near = .false.
    if (.not. (state%nearby > 0 .and. state%before > 0)) return
    rate = min(1.0_wp, state%prered / state%before)
    next = rate * state%prered * max(state%m - state%n, 1_ip)
    is_near = next <= state%nearby**2 .and. rate * next <= (0.1_wp * state%nearby)**2 &
      .and. rate * state%pnorm**2 <= (0.02_wp * state%nearby * state%xnorm)**2
  end function is_near

  !> MINPACK's tests for convergence, then for the limits of evaluations and of precision.
  pure subroutine test_end(state)
    type(lm_state), intent(inout) :: state
    integer(ic) :: info
    logical :: agrees

    agrees = 0.5_wp * state%ratio <= 1
    info = 0
    if (abs(state%actred) <= state%ftol .and. state%prered <= state%ftol .and. agrees) info = info_ftol
    if (state%delta <= state%xtol * state%xnorm) info = merge(info_both, info_xtol, info == info_ftol)
    if (info == 0) then
      if (state%nfev >= state%maxfev) info = info_maxfev
      if (abs(state%actred) <= eps .and. state%prered <= eps .and. agrees) info = info_ftol_small
      if (state%delta <= eps * state%xnorm) info = info_xtol_small
      if (state%gnorm <= eps) info = info_gtol_small
    end if
    if (info /= 0) call lm_stop(state, info)
  end subroutine test_end

end module fitcore_lm_trust
