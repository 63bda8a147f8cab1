!> Levenberg-Marquardt by reverse communication: MINPACK-1's lmdif and lmder in one.
!>
!> Moré (1978), algorithm 7.1; Moré, Garbow, Hillstrom (1980), ANL-80-74, routines LMDIF and LMDER.
!> The caller owns every array; between two calls it does what state%task asks and calls again.
module fitcore_lm_driver
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_vectors, only: norm
  use fitcore_lm_types
  use fitcore_lm_factor, only: factor_jacobian, factor_work_size
  use fitcore_lm_trust, only: ask, lm_stop, take_start, take_factors, judge_trial
  implicit none (type, external)
  private
  public :: lm_init, lm_step, lm_work_size

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
      pnorm=0, actred=0, prered=0, ratio=0, nearby=0, before=0, task=task_start, stage=task_start, &
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
    lm_work_size = 5 * n + factor_work_size(m, n)
  end function lm_work_size

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
        call take_start(state, norm(state%m, ft))
      else
        call judge_trial(state, x, fjac, state%m, diag, qtf, ipvt, xt, norm(state%m, ft), wa)
      end if

    case (task_iteration)
      call ask(state, task_jacobian)

    case (task_jacobian)
      call count_jacobian(state)
      call take_jacobian(state, x, fvec, fjac, diag, qtf, ipvt, xt, ft, wa)
    end select
  end subroutine lm_step

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
    integer(ip) :: n

    n = state%n
    associate (acnorm => wa(4 * n + 1:5 * n))
      call factor_jacobian(state%m, n, fjac, fvec, state%reduced /= 0, ipvt, qtf, acnorm, ft, &
        wa(5 * n + 1:))
      state%reduced = 0
      state%factored = 1
      call take_factors(state, x, fjac, state%m, acnorm, diag, qtf, ipvt, xt, wa(1:4 * n))
    end associate
  end subroutine take_jacobian

end module fitcore_lm_driver
