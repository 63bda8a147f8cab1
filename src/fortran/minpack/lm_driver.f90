!> Levenberg-Marquardt by reverse communication: MINPACK-1's lmdif and lmder in one.
!>
!> Moré (1978), algorithm 7.1, with the constants of MINPACK-1 (Moré, Garbow, Hillstrom 1980,
!> ANL-80-74, routines LMDIF and LMDER). The caller owns every array; between two calls it does
!> what state%task asks and calls again.
module fitcore_lm_driver
  use fitcore_kinds, only: wp, ip, ic, eps
  use fitcore_vectors, only: norm
  use fitcore_lm_types
  use fitcore_lm_factor, only: factor_jacobian, factor_work_size
  use fitcore_lm_parameter, only: lm_parameter
  implicit none (type, external)
  private
  public :: lm_init, lm_step, lm_stop, lm_work_size, ask, test_end

contains

  !> Set up a fit of m residuals by n variables. state%info is 0 and the task done when an
  !> argument is improper.
  pure subroutine lm_init(state, m, n, mode, jac, ftol, xtol, gtol, maxfev, epsfcn, factor, diag) &
      bind(c, name='fitcore_lm_init')
    type(lm_state), intent(out) :: state
    integer(ip), intent(in), value :: m, n, maxfev
    integer(ic), intent(in), value :: mode, jac
    real(wp), intent(in), value :: ftol, xtol, gtol, epsfcn, factor
    real(wp), intent(in) :: diag(*)                !< scale factors, read when mode is 2
    logical :: proper

    state = lm_state(m=m, n=n, maxfev=maxfev, nfev=0, njev=0, nit=0, ftol=ftol, xtol=xtol, &
      gtol=gtol, epsfcn=epsfcn, factor=factor, fnorm=0, gnorm=0, xnorm=0, delta=0, par=0, &
      pnorm=0, actred=0, prered=0, ratio=0, task=task_start, stage=task_start, &
      info=info_improper, mode=mode, jac=jac, reduced=0, moved=0, factored=0)
    proper = n > 0 .and. m >= n .and. ftol >= 0 .and. xtol >= 0 .and. gtol >= 0 &
      .and. maxfev > 0 .and. factor > 0 .and. (mode == 1 .or. mode == 2) &
      .and. jac >= jac_analytic .and. jac <= jac_complex
    if (proper .and. mode == 2) proper = all(diag(1:n) > 0)
    if (.not. proper) state%task = task_done
  end subroutine lm_init

  !> Doubles of scratch that lm_step wants in wa.
  pure integer(ip) function lm_work_size(m, n) bind(c, name='fitcore_lm_work_size')
    integer(ip), intent(in), value :: m, n
    lm_work_size = 4 * n + factor_work_size(m, n)
  end function lm_work_size

  !> Stop the fit now, with an outcome of the caller's (negative, by custom).
  pure subroutine lm_stop(state, info) bind(c, name='fitcore_lm_stop')
    type(lm_state), intent(inout) :: state
    integer(ic), intent(in), value :: info
    state%info = info
    state%task = task_done
  end subroutine lm_stop

  !> Go on to the next thing that the caller must do; see task_* in fitcore_lm_types.
  !>
  !> After task_done: x the solution, fvec the residuals there, and of the last Jacobian the
  !> triangle R in the upper triangle of fjac, ipvt and qtf.
  pure subroutine lm_step(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa) &
      bind(c, name='fitcore_lm_step')
    type(lm_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%n)              !< the best point
    real(wp), intent(in) :: fvec(state%m)              !< its residuals; see state%moved
    real(wp), intent(inout) :: fjac(state%m, state%n)  !< Jacobian; R
    real(wp), intent(inout) :: diag(state%n)           !< scale of the variables
    real(wp), intent(inout) :: qtf(state%n)            !< first n elements of Q^T fvec
    integer(ip), intent(inout) :: ipvt(state%n)        !< permutation of the columns, from 1
    real(wp), intent(inout) :: xt(state%n)             !< the point to evaluate
    real(wp), intent(inout) :: ft(state%m)             !< its residuals
    real(wp), intent(inout) :: wa(lm_work_size(state%m, state%n))

    state%moved = 0
    if (state%task == task_done) return
    select case (state%stage)
    case (task_start)
      xt = x
      call ask(state, task_residual)

    case (task_residual)
      state%nfev = state%nfev + 1
      if (state%nfev == 1) then
        x = xt
        state%moved = 1
        state%fnorm = norm(state%m, ft)
        if (state%fnorm <= huge(state%fnorm)) then
          call ask(state, task_jacobian)
        else
          call lm_stop(state, info_nonfinite)
        end if
      else
        call judge_trial(state, x, fjac, diag, qtf, ipvt, xt, ft, wa)
      end if

    case (task_iteration)
      call ask(state, task_jacobian)

    case (task_jacobian)
      call count_jacobian(state)
      call take_jacobian(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa)
    end select
  end subroutine lm_step

  !> Hand a task to the caller.
  pure subroutine ask(state, task)
    type(lm_state), intent(inout) :: state
    integer(ic), intent(in) :: task
    state%stage = task
    state%task = task
  end subroutine ask

  !> What a Jacobian costs in evaluations.
  pure subroutine count_jacobian(state)
    type(lm_state), intent(inout) :: state

    state%njev = state%njev + 1
    select case (state%jac)
    case (jac_forward, jac_complex)
      state%nfev = state%nfev + state%n
    case (jac_central)
      state%nfev = state%nfev + 2 * state%n
    end select
  end subroutine count_jacobian

  !> Factor a new Jacobian, look at the gradient, and propose a step.
  pure subroutine take_jacobian(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), fvec(state%m)
    real(wp), intent(inout) :: fjac(state%m, state%n), diag(state%n), qtf(state%n)
    integer(ip), intent(inout) :: ipvt(state%n)
    real(wp), intent(inout) :: xt(state%n), ft(state%m)
    real(wp), intent(inout) :: wa(lm_work_size(state%m, state%n))
    integer(ip) :: n, j

    n = state%n
    associate (acnorm => wa(1:n))
      call factor_jacobian(state%m, n, fjac, fvec, state%reduced /= 0, ipvt, qtf, acnorm, ft, &
        wa(n + 1:))
      state%reduced = 0
      state%factored = 1
      if (.not. all(abs(acnorm) <= huge(1.0_wp))) then
        call lm_stop(state, info_nonfinite)
        return
      end if

      if (state%njev == 1) then
        if (state%mode == 1) then
          do j = 1, n
            diag(j) = acnorm(j)
            if (.not. abs(diag(j)) > 0) diag(j) = 1
          end do
        end if
        xt = diag * x
        state%xnorm = norm(n, xt)
        state%delta = state%factor * state%xnorm
        if (.not. abs(state%delta) > 0) state%delta = state%factor
      end if

      state%gnorm = cosine(n, fjac, state%m, ipvt, qtf, acnorm, state%fnorm)
      if (state%gnorm <= state%gtol) then
        call lm_stop(state, info_gtol)
        return
      end if
      if (state%mode == 1) diag = max(diag, acnorm)
    end associate
    call propose(state, x, fjac, diag, qtf, ipvt, xt, wa)
  end subroutine take_jacobian

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
  pure subroutine propose(state, x, fjac, diag, qtf, ipvt, xt, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), diag(state%n), qtf(state%n)
    real(wp), intent(inout) :: fjac(state%m, state%n)
    integer(ip), intent(in) :: ipvt(state%n)
    real(wp), intent(out) :: xt(state%n)
    real(wp), intent(inout) :: wa(lm_work_size(state%m, state%n))
    real(wp) :: model, damping
    integer(ip) :: n, i, j

    n = state%n
    associate (p => wa(1:n), wa2 => wa(n + 1:2 * n), wa3 => wa(2 * n + 1:3 * n), &
        wa4 => wa(3 * n + 1:4 * n))
      call lm_parameter(n, fjac, state%m, ipvt, diag, qtf, state%delta, state%par, p, wa2, wa3, wa4)
      p = -p
      xt = x + p
      wa2 = diag * p
      state%pnorm = norm(n, wa2)
      if (state%nit == 0) state%delta = min(state%delta, state%pnorm)

      ! R P^T p, for the reduction that the linear model predicts
      wa3 = 0
      do j = 1, n
        do i = 1, j
          wa3(i) = wa3(i) + fjac(i, j) * p(ipvt(j))
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
  pure subroutine judge_trial(state, x, fjac, diag, qtf, ipvt, xt, ft, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%n), fjac(state%m, state%n)
    real(wp), intent(in) :: diag(state%n), qtf(state%n), ft(state%m)
    integer(ip), intent(in) :: ipvt(state%n)
    real(wp), intent(inout) :: xt(state%n)
    real(wp), intent(inout) :: wa(lm_work_size(state%m, state%n))
    real(wp) :: fnorm_trial, dirder, shrink
    logical :: accepted

    dirder = state%actred
    fnorm_trial = norm(state%m, ft)

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
    ! a step bound that has shrunk before a wall of NaN or infinity has not converged
    if (state%task == task_done .and. state%nit == 0 .and. .not. fnorm_trial <= huge(fnorm_trial)) then
      if (state%info == info_xtol .or. state%info == info_xtol_small) state%info = info_nonfinite
    end if
    if (state%task == task_done) return
    if (accepted) then
      call ask(state, task_iteration)
    else
      call propose(state, x, fjac, diag, qtf, ipvt, xt, wa)
    end if
  end subroutine judge_trial

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

end module fitcore_lm_driver
