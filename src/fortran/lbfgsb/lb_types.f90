!> State of the L-BFGS-B solver, shared with C (fitcore_lbfgsb.h).
module fitcore_lb_types
  use fitcore_kinds, only: wp, ip, ic
  use, intrinsic :: iso_c_binding, only: c_signed_char
  implicit none (type, external)
  private

  integer, parameter, public :: kb = c_signed_char         !< kind of the marks of variables

  ! What the caller has to do next.
  integer(ic), parameter, public :: lb_start = 0
  integer(ic), parameter, public :: lb_evaluate = 1   !< f and g at x
  integer(ic), parameter, public :: lb_new_x = 2      !< an iteration is complete
  integer(ic), parameter, public :: lb_done = 3

  ! How it ended.
  integer(ic), parameter, public :: lb_converged_pgtol = 1
  integer(ic), parameter, public :: lb_converged_ftol = 2
  integer(ic), parameter, public :: lb_abnormal = 3
  integer(ic), parameter, public :: lb_nonfinite = 4  !< NaN or infinity at the start
  integer(ic), parameter, public :: lb_stopped = 5    !< by the caller

  type, bind(c), public :: lb_state
    integer(ip) :: n               !< variables
    integer(ip) :: m               !< corrections at most
    integer(ip) :: nit             !< iterations so far
    integer(ip) :: nfev            !< evaluations so far
    integer(ip) :: col             !< corrections kept now
    integer(ip) :: head            !< column of the oldest, from 1
    integer(ip) :: updates         !< corrections since the memory was last emptied
    integer(ip) :: nfree           !< free variables at the Cauchy point
    integer(ip) :: nactive         !< variables at a bound at x
    integer(ip) :: nseg            !< segments that the last Cauchy search looked at
    integer(ip) :: nseg_total      !< and all of them
    integer(ip) :: nskip           !< updates skipped
    integer(ip) :: nenter          !< variables that became free in the last iteration
    integer(ip) :: nleave          !< and that ceased to be
    integer(ip) :: nls             !< evaluations of the last line search beyond its first
    integer(ip) :: nbreak          !< variables that meet a bound on the projected gradient path
    integer(ip) :: nopen           !< variables that move along it and never meet one
    real(wp) :: factr              !< tolerance on f, in units of eps
    real(wp) :: pgtol              !< tolerance on the projected gradient
    real(wp) :: f                  !< f at x
    real(wp) :: fold               !< f at the iterate before
    real(wp) :: sbgnrm             !< greatest element of the projected gradient, in size
    real(wp) :: theta              !< scale of the initial matrix theta I
    real(wp) :: stp                !< step along d
    real(wp) :: dnorm              !< |d|
    real(wp) :: xstep              !< stp |d|
    real(wp) :: gd                 !< g^T d at the trial point
    real(wp) :: gdold              !< and at the iterate
    real(wp) :: stpmx              !< longest step inside the bounds
    real(wp) :: slope              !< g^T v, v the projected steepest descent
    real(wp) :: least_break        !< where the path along v first meets a bound
    real(wp) :: yy                 !< |y|^2 of the correction that is pending
    real(wp) :: ls(16)             !< state of the line search
    integer(ic) :: maxls           !< line search steps at most
    integer(ic) :: task            !< one of lb_*
    integer(ic) :: info            !< one of lb_converged_pgtol .. lb_stopped, once task is lb_done
    integer(ic) :: stage           !< what the solver was waiting for
    integer(ic) :: bounded         !< 1: l and u are there, and have n elements
    integer(ic) :: constrained     !< 1: some variable has a bound
    integer(ic) :: boxed           !< 1: all have two
    integer(ic) :: projected       !< 1: the start was outside the box
    integer(ic) :: updated         !< 1: the last iteration gave a correction
    integer(ic) :: pending         !< 1: the step and its y wait to be made a correction
    integer(ic) :: ls_flags(4)     !< state of the line search
    integer(ic) :: iword           !< subspace solution: 0 inside the box, 1 at a bound, -1 none
    integer(ic) :: restarted       !< 1: the last call emptied the memory
  end type lb_state

end module fitcore_lb_types
