!> The Levenberg-Marquardt step inside a box: least squares of the linear model, within the step
!> bound and the bounds of the variables.
!>
!>     minimize |J p + f|   subject to   |D p| <= delta,   lower <= x + p <= upper
!>
!> An active set method for the convex model: variables are held where they are, the step of Moré
!> (1978) is taken in the others, and what leaves the box is held at its bound; a held variable
!> whose multiplier has the wrong sign is let go (Nocedal, Wright 2006, Numerical Optimization,
!> 16.5; the projected step is that of Moré, Toraldo 1989, Numer. Math. 55). At the solution of the
!> model every variable is free or its multiplier has the right sign, so that steps reduce the sum
!> of squares wherever the projected gradient does not vanish, and cannot stick at a bound
!> (Kanzow, Yamashita, Fukushima 2004, J. Comput. Appl. Math. 172, for what that gives).
!> When no bound interferes the step is MINPACK's, bit for bit.
module fitcore_box_step
  use fitcore_kinds, only: wp, ip
  use fitcore_vectors, only: norm
  use fitcore_qr, only: qr_pivot
  use fitcore_lm_parameter, only: lm_parameter
  implicit none (type, external)
  private
  public :: box_step, box_step_work_size, hold, box_cosine

  ! Where a variable stands.
  integer(ip), parameter, public :: is_free = 0, at_lower = 1, at_upper = 2

  !> A held variable is let go when the model can fall by more than the square of this, relative to
  !> its greatest possible fall.
  real(wp), parameter :: worth = 1.0e-6_wp
  !> Less than this part of the step bound left over for free variables is none.
  real(wp), parameter :: remnant = 0.1_wp

contains

  !> Doubles of scratch for box_step.
  pure integer(ip) function box_step_work_size(n) result(size)
    integer(ip), intent(in) :: n
    size = 2 * n * n + 12 * n
  end function box_step_work_size

  !> Who is held: variables at a bound that the gradient keeps there, and those without room.
  pure subroutine hold(n, r, ldr, ipvt, qtf, x, lower, upper, place)
    integer(ip), intent(in) :: n, ldr, ipvt(n)
    real(wp), intent(in) :: r(ldr, n), qtf(n)      !< R and the first n elements of Q^T f
    real(wp), intent(in) :: x(n), lower(n), upper(n)
    integer(ip), intent(out) :: place(n)
    real(wp) :: g
    integer(ip) :: i, j, k

    do k = 1, n
      j = ipvt(k)
      g = 0
      do i = 1, k
        g = g + r(i, k) * qtf(i)
      end do
      place(j) = is_free
      if (x(j) <= lower(j) .and. (g >= 0 .or. lower(j) >= upper(j))) then
        place(j) = at_lower
      else if (x(j) >= upper(j) .and. g <= 0) then
        place(j) = at_upper
      end if
    end do
  end subroutine hold

  !> Greatest |cosine| of the angle between the residuals and the column of a free variable.
  pure real(wp) function box_cosine(n, r, ldr, ipvt, qtf, acnorm, fnorm, place) result(gnorm)
    integer(ip), intent(in) :: n, ldr, ipvt(n), place(n)
    real(wp), intent(in) :: r(ldr, n), qtf(n), acnorm(n), fnorm
    real(wp) :: s
    integer(ip) :: i, j

    gnorm = 0
    if (.not. abs(fnorm) > 0) return
    do j = 1, n
      if (place(ipvt(j)) /= is_free .or. .not. abs(acnorm(ipvt(j))) > 0) cycle
      s = 0
      do i = 1, j
        s = s + r(i, j) * (qtf(i) / fnorm)
      end do
      gnorm = max(gnorm, abs(s / acnorm(ipvt(j))))
    end do
  end function box_cosine

  !> The step p, the point x + p inside the box, and what the model makes of it.
  pure subroutine box_step(n, r, ldr, ipvt, diag, qtf, x, lower, upper, fnorm, delta, par, place, &
      xt, pnorm, reach, prered, dirder, work)
    integer(ip), intent(in) :: n
    integer(ip), intent(in) :: ldr                 !< leading dimension of r
    real(wp), intent(inout) :: r(ldr, n)           !< R; scratch below its diagonal
    integer(ip), intent(in) :: ipvt(n)             !< the permutation of its columns
    real(wp), intent(in) :: diag(n)                !< diagonal of D
    real(wp), intent(in) :: qtf(n)                 !< first n elements of Q^T f
    real(wp), intent(in) :: x(n), lower(n), upper(n)
    real(wp), intent(in) :: fnorm                  !< |f|
    real(wp), intent(in) :: delta                  !< bound on |D p|, observed to a tenth
    real(wp), intent(inout) :: par                 !< the Levenberg-Marquardt parameter
    integer(ip), intent(inout) :: place(n)         !< who is held to begin with, and at the end
    real(wp), intent(out) :: xt(n)                 !< x + p, never outside the box
    real(wp), intent(out) :: pnorm                 !< |D p|
    real(wp), intent(out) :: reach                 !< |D p| as it would be without the box
    real(wp), intent(out) :: prered                !< (|f|^2 - |J p + f|^2) / |f|^2
    real(wp), intent(out) :: dirder                !< f^T J p / |f|^2
    real(wp), intent(inout) :: work(box_step_work_size(n))
    real(wp) :: model, damping
    integer(ip) :: j, v

    v = 2 * n * n             ! vectors, after J's triangle and the columns of the free variables
    associate (p => work(v + 1:v + n), jp => work(v + n + 1:v + 2 * n), &
        t => work(v + 2 * n + 1:v + 3 * n), s => work(v + 3 * n + 1:v + 4 * n))
      if (all(place == is_free)) then
        call lm_parameter(n, r, ldr, ipvt, diag, qtf, delta, par, p, jp, t, s)
        p = -p
        xt = x + p
        if (.not. any(xt < lower .or. xt > upper)) then
          t = diag * p
          pnorm = norm(n, t)
          reach = pnorm
          call multiply_triangle(n, r, ldr, ipvt, p, jp)
          ! as MINPACK has it, by the normal equations of the step
          model = norm(n, jp) / fnorm
          damping = sqrt(par) * pnorm / fnorm
          prered = model**2 + damping**2 / 0.5_wp
          dirder = -(model**2 + damping**2)
          return
        end if
      end if

      call spread(n, r, ldr, ipvt, work(1))
      call active_set(n, work(1), diag, qtf, x, lower, upper, delta, par, place, p, jp, reach, &
        work(n * n + 1), work(v + 2 * n + 1))
      do j = 1, n
        if (p(j) <= lower(j) - x(j)) then
          xt(j) = lower(j)
        else if (p(j) >= upper(j) - x(j)) then
          xt(j) = upper(j)
        else
          xt(j) = min(max(x(j) + p(j), lower(j)), upper(j))
        end if
      end do
      t = diag * p
      pnorm = norm(n, t)
      s = jp / fnorm
      t = qtf / fnorm
      dirder = inner(n, s, t)
      prered = -(2 * dirder + inner(n, s, s))
    end associate
  end subroutine box_step

  !> Minimize the model |B p + q| over the box, within delta.
  pure subroutine active_set(n, b, diag, q, x, lower, upper, delta, par, place, p, bp, reach, face, &
      work)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: b(n, n), diag(n), q(n), x(n), lower(n), upper(n), delta
    real(wp), intent(inout) :: par
    integer(ip), intent(inout) :: place(n)
    real(wp), intent(out) :: p(n), bp(n)           !< the step and B p
    real(wp), intent(out) :: reach                 !< |D p| of the first step, before it was cut
    real(wp), intent(out) :: face(n, n)            !< scratch: columns of the free variables
    real(wp), intent(inout) :: work(10 * n)
    real(wp) :: best, value, lambda, radius
    integer(ip) :: round
    logical :: cut, found

    p = 0
    bp = 0
    best = norm(n, q)
    lambda = par
    reach = 0
    associate (t => work(1:n), bt => work(n + 1:2 * n), s => work(2 * n + 1:3 * n), &
        scratch => work(3 * n + 1:10 * n))
      do round = 1, 3 * n + 10
        s = merge(0.0_wp, diag * p, place == is_free)
        radius = sqrt(max(0.0_wp, delta**2 - norm(n, s)**2))
        if (.not. radius > remnant * delta) exit
        if (any(place == is_free)) then
          call face_step(n, b, diag, q, place, radius, lambda, p, t, face, scratch)
          if (round == 1) then
            par = lambda
            s = diag * t
            reach = norm(n, s)
          end if
          call project(n, b, q, x, lower, upper, place, p, t, bt, scratch, cut)
          s = bt + q
          value = norm(n, s)
          if (value <= best) then
            best = value
            p = t
            bp = bt
          end if
          if (cut) cycle
        end if
        ! the model's minimum with the present variables held: is one of them held in vain?
        s = bp + q
        call release(n, b, diag, s, lower, upper, lambda, p, worth * norm(n, q), place, found)
        if (.not. found) exit
      end do
    end associate
  end subroutine active_set

  !> Let go the held variable along which the model falls most, if it falls by more than tol**2.
  pure subroutine release(n, b, diag, residual, lower, upper, lambda, p, tol, place, found)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: b(n, n), diag(n)
    real(wp), intent(in) :: residual(n)            !< B p + q
    real(wp), intent(in) :: lower(n), upper(n), lambda, p(n), tol
    integer(ip), intent(inout) :: place(n)
    logical, intent(out) :: found
    real(wp) :: most, inward, length
    integer(ip) :: j, best

    best = 0
    most = tol
    do j = 1, n
      if (place(j) == is_free .or. lower(j) >= upper(j)) cycle
      inward = inner(n, b(1:n, j), residual) + lambda * diag(j)**2 * p(j)
      if (place(j) == at_lower) inward = -inward
      length = norm(n, b(1:n, j))
      if (inward > most * length) then
        best = j
        most = inward / length
      end if
    end do
    found = best > 0
    if (found) place(best) = is_free
  end subroutine release

  !> The minimum t of the model over the free variables, within radius; the others as in p.
  pure subroutine face_step(n, b, diag, q, place, radius, lambda, p, t, face, work)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: b(n, n), diag(n), q(n), radius, p(n)
    integer(ip), intent(in) :: place(n)
    real(wp), intent(inout) :: lambda
    real(wp), intent(out) :: t(n), face(n, n)
    real(wp), intent(out) :: work(6 * n)
    integer(ip) :: variable(n), ipvt(n), j, k

    associate (rhs => work(1:n), d => work(n + 1:2 * n), rdiag => work(2 * n + 1:3 * n), &
        s => work(3 * n + 1:4 * n), w => work(4 * n + 1:5 * n), y => work(5 * n + 1:6 * n))
      rhs = q
      k = 0
      do j = 1, n
        if (place(j) == is_free) then
          k = k + 1
          variable(k) = j
          face(1:n, k) = b(1:n, j)
          d(k) = diag(j)
        else if (abs(p(j)) > 0) then
          rhs = rhs + b(1:n, j) * p(j)
        end if
      end do
      call qr_pivot(n, k, face, n, ipvt, rdiag, s, rhs, w)
      do j = 1, k
        face(j, j) = rdiag(j)
      end do
      call lm_parameter(k, face, n, ipvt, d, rhs, radius, lambda, y, s, w, rdiag)
      t = p
      do j = 1, k
        t(variable(j)) = -y(j)
      end do
    end associate
  end subroutine face_step

  !> From p towards t as far as the box allows. Of the two ways to go on from a bound, along it or
  !> not at all, the one where the model is lower; who has come to a bound is held there.
  pure subroutine project(n, b, q, x, lower, upper, place, p, t, bt, work, cut)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: b(n, n), q(n), x(n), lower(n), upper(n), p(n)
    integer(ip), intent(inout) :: place(n)
    real(wp), intent(inout) :: t(n)
    real(wp), intent(out) :: bt(n), work(4 * n)
    logical, intent(out) :: cut                    !< whether a bound was met
    real(wp) :: alpha
    integer(ip) :: j

    associate (short => work(1:n), b_short => work(n + 1:2 * n), room => work(2 * n + 1:3 * n), &
        s => work(3 * n + 1:4 * n))
      short = t
      room = 2                                     ! as part of the way to t; above 1 for no bound
      do j = 1, n
        if (place(j) /= is_free) cycle
        if (x(j) + t(j) < lower(j)) then
          t(j) = lower(j) - x(j)
        else if (x(j) + t(j) > upper(j)) then
          t(j) = upper(j) - x(j)
        else
          cycle
        end if
        room(j) = min(1.0_wp, abs((t(j) - p(j)) / (short(j) - p(j))))
      end do
      call multiply(n, b, t, bt)
      cut = any(room <= 1)
      if (.not. cut) return

      alpha = minval(room)
      do j = 1, n
        if (room(j) <= alpha) then
          short(j) = t(j)
        else
          short(j) = p(j) + alpha * (short(j) - p(j))
        end if
      end do
      call multiply(n, b, short, b_short)
      s = bt + q
      alpha = norm(n, s)
      s = b_short + q
      if (alpha <= norm(n, s)) then
        alpha = 1
      else
        alpha = minval(room)
        t = short
        bt = b_short
      end if
      do j = 1, n
        if (.not. room(j) <= alpha) cycle
        place(j) = at_upper
        if (t(j) <= lower(j) - x(j)) place(j) = at_lower
      end do
    end associate
  end subroutine project

  !> R with its columns in the order of the variables, zeros where R has none.
  pure subroutine spread(n, r, ldr, ipvt, b)
    integer(ip), intent(in) :: n, ldr, ipvt(n)
    real(wp), intent(in) :: r(ldr, n)
    real(wp), intent(out) :: b(n, n)
    integer(ip) :: j

    do j = 1, n
      b(1:j, ipvt(j)) = r(1:j, j)
      b(j + 1:n, ipvt(j)) = 0
    end do
  end subroutine spread

  !> R P^T p.
  pure subroutine multiply_triangle(n, r, ldr, ipvt, p, rp)
    integer(ip), intent(in) :: n, ldr, ipvt(n)
    real(wp), intent(in) :: r(ldr, n), p(n)
    real(wp), intent(out) :: rp(n)
    integer(ip) :: i, j

    rp = 0
    do j = 1, n
      do i = 1, j
        rp(i) = rp(i) + r(i, j) * p(ipvt(j))
      end do
    end do
  end subroutine multiply_triangle

  !> B p.
  pure subroutine multiply(n, b, p, bp)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: b(n, n), p(n)
    real(wp), intent(out) :: bp(n)
    integer(ip) :: j

    bp = 0
    do j = 1, n
      if (abs(p(j)) > 0) bp = bp + b(1:n, j) * p(j)
    end do
  end subroutine multiply

  !> Inner product in the order of the elements.
  pure real(wp) function inner(n, a, b) result(s)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: a(n), b(n)
    integer(ip) :: i

    s = 0
    do i = 1, n
      s = s + a(i) * b(i)
    end do
  end function inner

end module fitcore_box_step
