!> Levenberg-Marquardt inside a box, by reverse communication.
!>
!> Moré (1978), algorithm 7.1, as in lm_driver.f90, with the step of box_step.f90. The gradient that
!> counts is the projected one: that of the variables which are not held at a bound. As long as no
!> bound interferes, points, counts and outcomes are those of lm_driver.f90. No point outside the
!> box is ever asked for.
module fitcore_bounded_driver
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_vectors, only: norm
  use fitcore_lm_types
  use fitcore_lm_factor, only: factor_jacobian, factor_work_size
  use fitcore_lm_trust, only: ask, lm_stop, test_end
  use fitcore_box_step, only: box_step, box_step_work_size, box_cosine, hold, is_free
  implicit none (type, external)
  private
  public :: bounded_step, bounded_newton, bounded_work_size

contains

  !> Doubles of scratch for bounded_step and bounded_newton.
  pure integer(ip) function bounded_work_size(m, n) bind(c, name='fitcore_bounded_work_size')
    integer(ip), intent(in), value :: m, n
    bounded_work_size = n + max(box_step_work_size(n), factor_work_size(m, n))
  end function bounded_work_size

  !> Go on to the next thing that the caller must do; as lm_step, for a state that lm_init has made.
  pure subroutine bounded_step(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, lower, upper, place, &
      cost, wa) bind(c, name='fitcore_bounded_step')
    type(lm_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%n)              !< the best point; at first inside the box
    real(wp), intent(in) :: fvec(state%m)              !< its residuals; see state%moved
    real(wp), intent(inout) :: fjac(state%m, state%n)  !< Jacobian; R
    real(wp), intent(inout) :: diag(state%n)           !< scale of the variables
    real(wp), intent(inout) :: qtf(state%n)            !< first n elements of Q^T fvec
    integer(ip), intent(inout) :: ipvt(state%n)        !< permutation of the columns, from 1
    real(wp), intent(inout) :: xt(state%n)             !< the point to evaluate
    real(wp), intent(inout) :: ft(state%m)             !< its residuals
    real(wp), intent(in) :: lower(state%n), upper(state%n)
    integer(ip), intent(inout) :: place(state%n)       !< who is held: is_free, at_lower, at_upper
    integer(ip), intent(in), value :: cost             !< evaluations that a Jacobian counts for
    real(wp), intent(inout) :: wa(bounded_work_size(state%m, state%n))

    state%moved = 0
    if (state%task == task_done) return
    select case (state%stage)
    case (task_start)
      xt = x
      place = is_free
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
        call judge_trial(state, x, fjac, diag, qtf, ipvt, xt, ft, lower, upper, place, wa)
      end if

    case (task_iteration)
      call ask(state, task_jacobian)

    case (task_jacobian)
      state%njev = state%njev + 1
      state%nfev = state%nfev + cost
      call take_jacobian(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, lower, upper, place, wa)
    end select
  end subroutine bounded_step

  !> Factor a new Jacobian, look at the projected gradient, and propose a step.
  pure subroutine take_jacobian(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, lower, upper, place, &
      wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), fvec(state%m), lower(state%n), upper(state%n)
    real(wp), intent(inout) :: fjac(state%m, state%n), diag(state%n), qtf(state%n)
    integer(ip), intent(inout) :: ipvt(state%n), place(state%n)
    real(wp), intent(inout) :: xt(state%n), ft(state%m)
    real(wp), intent(inout) :: wa(bounded_work_size(state%m, state%n))
    integer(ip) :: n, j
    logical :: freed

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

      xt = real(place, wp)
      call hold(n, fjac, state%m, ipvt, qtf, x, lower, upper, place)
      freed = any(xt > 0 .and. place == is_free)
      state%gnorm = box_cosine(n, fjac, state%m, ipvt, qtf, acnorm, state%fnorm, place)
      if (state%gnorm <= state%gtol) then
        call lm_stop(state, info_gtol)
        return
      end if
      if (state%mode == 1) diag = max(diag, acnorm)
      ! steps along bounds have told nothing of the scale of a variable that leaves its bound
      if (freed) state%delta = max(state%delta, state%xnorm)
    end associate
    call propose(state, x, fjac, diag, qtf, ipvt, xt, lower, upper, place, wa)
  end subroutine take_jacobian

  !> The step of the present delta.
  pure subroutine propose(state, x, fjac, diag, qtf, ipvt, xt, lower, upper, place, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), diag(state%n), qtf(state%n), lower(state%n), upper(state%n)
    real(wp), intent(inout) :: fjac(state%m, state%n)
    integer(ip), intent(in) :: ipvt(state%n)
    integer(ip), intent(inout) :: place(state%n)
    real(wp), intent(out) :: xt(state%n)
    real(wp), intent(inout) :: wa(bounded_work_size(state%m, state%n))
    real(wp) :: reach

    call box_step(state%n, fjac, state%m, ipvt, diag, qtf, x, lower, upper, state%fnorm, &
      state%delta, state%par, place, xt, state%pnorm, reach, state%prered, state%actred, wa)
    if (state%nit == 0) state%delta = min(state%delta, reach)
    call ask(state, task_residual)
  end subroutine propose

  !> Compare the trial with the prediction, move or shrink, and test for the end.
  pure subroutine judge_trial(state, x, fjac, diag, qtf, ipvt, xt, ft, lower, upper, place, wa)
    type(lm_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%n), fjac(state%m, state%n)
    real(wp), intent(in) :: diag(state%n), qtf(state%n), ft(state%m), lower(state%n), upper(state%n)
    integer(ip), intent(in) :: ipvt(state%n)
    integer(ip), intent(inout) :: place(state%n)
    real(wp), intent(inout) :: xt(state%n)
    real(wp), intent(inout) :: wa(bounded_work_size(state%m, state%n))
    real(wp) :: fnorm_trial, dirder, shrink
    logical :: accepted, cut

    dirder = state%actred                          ! propose has left it there
    fnorm_trial = norm(state%m, ft)
    cut = any((xt <= lower .and. x > lower) .or. (xt >= upper .and. x < upper))

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
      if (0.1_wp * fnorm_trial >= state%fnorm .or. .not. shrink >= 0.1_wp) shrink = 0.1_wp
      state%delta = shrink * min(state%delta, state%pnorm / 0.1_wp)
      state%par = state%par / shrink
    else if (.not. state%par > 0 .or. state%ratio >= 0.75_wp) then
      ! a step that a bound has cut is no measure of how far the model can be trusted
      state%delta = max(merge(state%delta, 0.0_wp, cut), state%pnorm / 0.5_wp)
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
      call hold(state%n, fjac, state%m, ipvt, qtf, x, lower, upper, place)
      call propose(state, x, fjac, diag, qtf, ipvt, xt, lower, upper, place, wa)
    end if
  end subroutine judge_trial

  !> The Gauss-Newton step inside the box from a Jacobian at x, for a finished fit; the point is in
  !> xt. Factors the Jacobian as bounded_step does.
  pure subroutine bounded_newton(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, lower, upper, &
      place, wa) bind(c, name='fitcore_bounded_newton')
    type(lm_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), fvec(state%m), diag(state%n)
    real(wp), intent(inout) :: fjac(state%m, state%n), qtf(state%n)
    integer(ip), intent(inout) :: ipvt(state%n), place(state%n)
    real(wp), intent(inout) :: xt(state%n), ft(state%m)
    real(wp), intent(in) :: lower(state%n), upper(state%n)
    real(wp), intent(inout) :: wa(bounded_work_size(state%m, state%n))
    real(wp) :: par, pnorm, reach, prered, dirder
    integer(ip) :: n

    n = state%n
    call factor_jacobian(state%m, n, fjac, fvec, state%reduced /= 0, ipvt, qtf, wa(1:n), ft, &
      wa(n + 1:))
    state%reduced = 0
    state%factored = 1
    state%njev = state%njev + 1
    call hold(n, fjac, state%m, ipvt, qtf, x, lower, upper, place)
    state%gnorm = box_cosine(n, fjac, state%m, ipvt, qtf, wa(1:n), state%fnorm, place)
    par = 0
    call box_step(n, fjac, state%m, ipvt, diag, qtf, x, lower, upper, state%fnorm, &
      1.0e100_wp * (1 + state%xnorm), par, place, xt, pnorm, reach, prered, dirder, wa)
  end subroutine bounded_newton

end module fitcore_bounded_driver
