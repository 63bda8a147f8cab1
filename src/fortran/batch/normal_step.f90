!> Levenberg-Marquardt on the normal equations, for many small problems one after another.
!>
!> J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture Notes in
!> Mathematics 630 (1978): the scaling (section 6), the step bound (section 4) and the parameter
!> (section 5) are those of MINPACK-1. The linear algebra is not: the model is evaluated together
!> with its derivatives, of which only J^T J and J^T r are kept, and steps come from Cholesky
!> factors. That squares the condition of the problem; so what looks badly conditioned, or makes no
!> progress, is left to the solver that factors J.
!>
!> A fit has converged when the Gauss-Newton step lies within the step bound and, by the rate of the
!> last two, the next one would promise far less than `ftol`, or when it is shorter than `xtol`:
!> MINPACK's tests, made earlier, because the derivatives at the last point are there already. The
!> step is then taken without an evaluation.
module fitcore_normal_solver
  use fitcore_kinds, only: wp, ip, ic, dwarf
  use fitcore_normal_types, only: normal_state, task_start, task_sums, task_done, task_unsafe
  implicit none (type, external)
  private
  public :: normal_step, normal_covariance

  !> A pivot below this part of its diagonal element, the squared sine of an angle between columns,
  !> is not trusted to be anything but zero while the fit is under way; and at its end it has cost
  !> half of the digits.
  real(wp), parameter :: singular = 1.0e-11_wp, dependent = 1.0e-8_wp
  !> Steps in a row that do not lower chi-square.
  integer(ip), parameter :: patience = 12

contains

  !> Take the sums at xt; the next xt, or how it ends.
  pure subroutine normal_step(s, n, x, xt, a, g, at, gt, chisqt, diag, p, l) &
      bind(c, name='fitcore_normal_step')
    type(normal_state), intent(inout) :: s
    integer(ip), intent(in), value :: n
    real(wp), intent(inout) :: x(n)              !< the best point
    real(wp), intent(inout) :: xt(n)             !< the trial point
    real(wp), intent(inout) :: a(n, n), g(n)     !< J^T J, upper triangle, and J^T r at x
    real(wp), intent(in) :: at(n, n), gt(n)      !< those at xt
    real(wp), intent(in), value :: chisqt        !< r^T r at xt
    real(wp), intent(inout) :: diag(n)           !< D, the scale factors
    real(wp), intent(inout) :: p(n), l(n, n)     !< scratch
    logical :: finite, accepted

    s%nfev = s%nfev + 1
    finite = chisqt <= huge(chisqt)
    if (s%task == task_start) then
      accepted = finite
      if (.not. finite) then
        s%task = task_unsafe
        return
      end if
    else
      call judge(s, merge(chisqt, huge(chisqt), finite), accepted)
      if (s%task /= task_sums) then
        ! converged, or too often rejected
        if (accepted) call take(n, x, xt, a, g, at, gt)
        if (accepted) s%chisq = chisqt
        return
      end if
    end if
    if (accepted) then
      call take(n, x, xt, a, g, at, gt)
      call rescale(s, n, x, a, diag, chisqt)
    end if
    if (s%nfev >= s%maxfev) then
      s%task = task_unsafe
      return
    end if
    call propose(s, n, x, xt, a, g, diag, p, l)
  end subroutine normal_step

  pure subroutine take(n, x, xt, a, g, at, gt)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n), a(n, n), g(n)
    real(wp), intent(in) :: xt(n), at(n, n), gt(n)
    x = xt
    a = at
    g = gt
  end subroutine take

  !> D and |D x| at an accepted point; the first ones make the step bound.
  pure subroutine rescale(s, n, x, a, diag, chisqt)
    type(normal_state), intent(inout) :: s
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: x(n), a(n, n), chisqt
    real(wp), intent(inout) :: diag(n)
    integer(ip) :: j
    logical :: first

    first = s%task == task_start
    s%chisq = chisqt
    s%rejected = 0
    s%xnorm = 0
    do j = 1, n
      if (first) then
        diag(j) = merge(sqrt(a(j, j)), 1.0_wp, a(j, j) > 0)
      else if (a(j, j) > diag(j)**2) then
        diag(j) = sqrt(a(j, j))
      end if
      s%xnorm = s%xnorm + (diag(j) * x(j))**2
    end do
    s%xnorm = sqrt(s%xnorm)
    if (first) then
      s%delta = s%factor * s%xnorm
      if (.not. s%delta > 0) s%delta = s%factor
      s%par = 0
    end if
  end subroutine rescale

  !> Whether the trial point is accepted, the next step bound, and MINPACK's tests of convergence.
  pure subroutine judge(s, chisqt, accepted)
    type(normal_state), intent(inout) :: s
    real(wp), intent(in) :: chisqt
    logical, intent(out) :: accepted
    real(wp) :: actred, ratio, shrink
    logical :: flat

    actred = -1
    if (0.01_wp * chisqt < s%chisq) actred = 1 - chisqt / s%chisq
    ratio = 0
    if (s%prered > 0) ratio = actred / s%prered
    if (ratio <= 0.25_wp) then
      shrink = 0.5_wp
      if (actred < 0) shrink = 0.5_wp * s%slope / (s%slope + 0.5_wp * actred)
      if (0.01_wp * chisqt >= s%chisq .or. shrink < 0.1_wp) shrink = 0.1_wp
      s%delta = shrink * min(s%delta, s%pnorm / 0.1_wp)
      s%par = s%par / shrink
    else if (s%par <= 0 .or. ratio >= 0.75_wp) then
      s%delta = s%pnorm / 0.5_wp
      s%par = 0.5_wp * s%par
    end if
    accepted = ratio >= 1.0e-4_wp
    flat = abs(actred) <= s%ftol .and. s%prered <= s%ftol .and. 0.5_wp * ratio <= 1
    if (flat .or. s%delta <= s%xtol * s%xnorm) then
      s%task = task_done
      s%info = merge(1_ic, 2_ic, flat)
    else if (.not. accepted) then
      s%rejected = s%rejected + 1
      if (s%rejected > patience) s%task = task_unsafe
    end if
  end subroutine judge

  !> The next trial point from x, or the end there.
  !>
  !> Most steps are the Gauss-Newton step, which needs no scaling.
  pure subroutine propose(s, n, x, xt, a, g, diag, p, l)
    type(normal_state), intent(inout) :: s
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n)
    real(wp), intent(out) :: xt(n)
    real(wp), intent(in) :: a(n, n), g(n), diag(n)
    real(wp), intent(inout) :: p(n), l(n, n)
    real(wp) :: square, before, slow
    logical :: first, full, regular

    s%factored = 0
    if (.not. s%chisq > 0) then
      s%task = task_done
      s%info = 4
      return
    end if
    first = s%task == task_start
    before = merge(s%prered, 0.0_wp, s%full /= 0)
    call cholesky(n, a, 0.0_wp, singular, l, regular)
    full = .false.
    if (regular) then
      call solve(n, l, g, p)
      s%pnorm = sqrt(sum((diag * p)**2))
      full = s%pnorm - s%delta <= 0.1_wp * s%delta
    end if
    if (full) then
      s%par = 0
      square = max(-dot_product(p, g), 0.0_wp)     ! |J p|**2, for A p = -g
    else
      call bounded_step(n, a, g, diag, s%delta, regular, s%par, p, s%pnorm, square, l)
    end if
    if (.not. s%pnorm <= huge(s%pnorm)) then
      s%task = task_unsafe
      return
    end if
    s%prered = (square + 2 * s%par * s%pnorm**2) / s%chisq
    s%slope = -(square + s%par * s%pnorm**2) / s%chisq
    xt = x + p
    s%full = merge(1_ic, 0_ic, full)
    if (full) then
      ! The square of the rate of convergence: what the next step would gain is that much less. Where
      ! it is slow the step is evaluated, for J may still change along it.
      slow = 1
      if (before > 0) slow = min(1.0_wp, s%prered / before)
      ! A factor of 2 from MINPACK's tests, for what the step bound may be.
      if ((s%prered <= 100 * s%ftol .and. slow * s%prered <= 1.0e-3_wp * s%ftol) &
        .or. s%pnorm <= 0.5_wp * s%xtol * s%xnorm) then
        s%info = merge(1_ic, 2_ic, s%prered <= s%ftol)
        s%task = task_done
        s%factored = 1
        s%chisq = s%chisq * max(0.0_wp, 1 - s%prered)
        x = xt
        return
      end if
    end if
    if (first) s%delta = min(s%delta, s%pnorm)
    s%task = task_sums
  end subroutine propose

  !> The step p of |D p| <= 1.1 delta, where the Gauss-Newton step in `p` is longer or there is none.
  pure subroutine bounded_step(n, a, g, diag, delta, regular, par, p, pnorm, square, l)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n, n), g(n), diag(n), delta
    logical, intent(in) :: regular               !< whether `p` and its length are given, and `l`
    real(wp), intent(inout) :: par, p(n), pnorm
    real(wp), intent(out) :: square              !< |J p|**2
    real(wp), intent(inout) :: l(n, n)
    real(wp) :: as(n, n), gs(n), unit(n)
    integer(ip) :: i, j

    unit = 1 / diag
    do j = 1, n
      gs(j) = g(j) * unit(j)
      do i = 1, j
        as(i, j) = a(i, j) * unit(i) * unit(j)
      end do
      ! the factor of the scaled matrix, with the inverse of its diagonal in its place
      l(j, :j - 1) = l(j, :j - 1) * unit(j)
      l(j, j) = l(j, j) * diag(j)
    end do
    p = p * diag
    call parameter_and_step(n, as, gs, delta, regular, par, p, pnorm, l)
    square = 0
    do j = 1, n
      square = square + p(j) * (as(j, j) * p(j) + 2 * dot_product(as(:j - 1, j), p(:j - 1)))
    end do
    p = p * unit
  end subroutine bounded_step

  !> The parameter `par` and the step p of |D p| <= 1.1 delta, in scaled variables: MINPACK's lmpar.
  pure subroutine parameter_and_step(n, a, g, delta, regular, par, p, pnorm, l)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n, n), g(n), delta
    logical, intent(in) :: regular               !< whether p, pnorm and l are the Gauss-Newton step's
    real(wp), intent(inout) :: par, p(n), pnorm, l(n, n)
    real(wp) :: low, high, excess, last, gnorm, change, w(n)
    integer(ip) :: iter
    logical :: positive

    low = 0
    excess = huge(excess)
    if (regular) then
      excess = pnorm - delta
      w = p / pnorm
      call forward(n, l, w)
      low = excess / delta / dot_product(w, w)
    end if
    gnorm = sqrt(sum(g**2))
    high = gnorm / delta
    if (.not. high > 0) high = dwarf / min(delta, 0.1_wp)
    par = min(max(par, low), high)
    if (.not. par > 0) then
      par = 1.0e-3_wp * high
      if (regular) par = gnorm / max(pnorm, dwarf)
    end if
    do iter = 1, 10
      if (.not. par > 0) par = max(dwarf, 1.0e-3_wp * high)
      call cholesky(n, a, par, 0.0_wp, l, positive)
      if (.not. positive) then
        par = max(10 * par, 1.0e-3_wp * high)
        cycle
      end if
      call solve(n, l, g, p)
      pnorm = sqrt(sum(p**2))
      last = excess
      excess = pnorm - delta
      if (abs(excess) <= 0.1_wp * delta .or. (.not. low > 0 .and. excess <= last .and. last < 0)) exit
      w = p / pnorm
      call forward(n, l, w)
      change = excess / delta / dot_product(w, w)
      if (excess > 0) low = max(low, par)
      if (excess < 0) high = min(high, par)
      par = max(low, par + change)
    end do
  end subroutine parameter_and_step

  !> The factor L of A + par I = L L^T, from the upper triangle of A, with the inverse of its
  !> diagonal in its place; `regular` if all pivots are above `least`, in parts of the diagonal.
  pure subroutine cholesky(n, a, par, least, l, regular)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n, n), par, least
    real(wp), intent(inout) :: l(n, n)
    logical, intent(out) :: regular
    real(wp) :: pivot, whole
    integer(ip) :: i, j, k

    regular = .false.
    do j = 1, n
      whole = a(j, j) + par
      pivot = whole
      !GCC$ unroll 1
      do k = 1, j - 1
        pivot = pivot - l(j, k)**2
      end do
      if (.not. pivot > least * whole) return
      pivot = 1 / sqrt(pivot)
      l(j, j) = pivot
      do i = j + 1, n
        whole = a(j, i)
        !GCC$ unroll 1
        do k = 1, j - 1
          whole = whole - l(i, k) * l(j, k)
        end do
        l(i, j) = whole * pivot
      end do
    end do
    regular = .true.
  end subroutine cholesky

  !> w <- L^{-1} w
  pure subroutine forward(n, l, w)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: l(n, n)
    real(wp), intent(inout) :: w(n)
    integer(ip) :: j, k

    do j = 1, n
      !GCC$ unroll 1
      do k = 1, j - 1
        w(j) = w(j) - l(j, k) * w(k)
      end do
      w(j) = w(j) * l(j, j)
    end do
  end subroutine forward

  !> p = -(L L^T)^{-1} g
  pure subroutine solve(n, l, g, p)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: l(n, n), g(n)
    real(wp), intent(out) :: p(n)
    integer(ip) :: j, k

    p = -g
    call forward(n, l, p)
    do j = n, 1, -1
      !GCC$ unroll 1
      do k = j + 1, n
        p(j) = p(j) - l(k, j) * p(k)
      end do
      p(j) = p(j) * l(j, j)
    end do
  end subroutine solve

  !> cov = A^{-1}, from its upper triangle, A = J^T J.
  !>
  !> `safe` is 0 if a column of J lies within an angle of 1e-4 of the span of the others, so that less
  !> than half of the digits would be left; cov is then not set.
  pure subroutine normal_covariance(n, a, factored, cov, safe, l) &
      bind(c, name='fitcore_normal_covariance')
    integer(ip), intent(in), value :: n
    real(wp), intent(in) :: a(n, n)
    integer(ic), intent(in), value :: factored   !< whether l is the factor of A already
    real(wp), intent(out) :: cov(n, n)
    integer(ic), intent(out) :: safe
    real(wp), intent(inout) :: l(n, n)
    real(wp) :: total
    integer(ip) :: i, j, k
    logical :: regular

    safe = 0
    if (factored == 0) then
      call cholesky(n, a, 0.0_wp, dependent, l, regular)
      if (.not. regular) return
    end if
    ! L <- L^{-1}, column by column
    do j = 1, n
      do i = j + 1, n
        total = 0
        do k = j, i - 1
          total = total + l(i, k) * l(k, j)
        end do
        l(i, j) = -total * l(i, i)
      end do
    end do
    do j = 1, n
      do i = 1, j
        total = 0
        do k = j, n
          total = total + l(k, i) * l(k, j)
        end do
        cov(i, j) = total
        cov(j, i) = total
      end do
      ! that is 1 over the squared sine of the angle to all others
      if (.not. cov(j, j) * a(j, j) * dependent < 1) return
    end do
    safe = 1
  end subroutine normal_covariance

end module fitcore_normal_solver
