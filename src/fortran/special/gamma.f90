!> What the normalization of line shapes needs of the gamma function: quotients, without the loss of
!> digits that differences of its logarithms have.
!>
!> Recurrence up to 10, then Stirling's series: M. Abramowitz, I. A. Stegun, Handbook of Mathematical
!> Functions (1964), 6.1.15, 6.1.40, 6.3.5, 6.3.18.
module fitcore_gamma
  use fitcore_kinds, only: wp
  implicit none (type, external)
  private
  public :: half_step, off_axis, stirling_sum, psi_sum

  real(wp), parameter :: enough = 10.0_wp   !< from here on the series has all digits

  !> B(2k) / (2k (2k - 1)) and B(2k) / (2k), k = 1, 2, ...
  real(wp), parameter :: stirling(10) = [1 / 12.0_wp, -1 / 360.0_wp, 1 / 1260.0_wp, -1 / 1680.0_wp, &
    1 / 1188.0_wp, -691 / 360360.0_wp, 1 / 156.0_wp, -3617 / 122400.0_wp, 43867 / 244188.0_wp, &
    -174611 / 125400.0_wp]
  real(wp), parameter :: psi_terms(10) = [1 / 12.0_wp, -1 / 120.0_wp, 1 / 252.0_wp, -1 / 240.0_wp, &
    1 / 132.0_wp, -691 / 32760.0_wp, 1 / 12.0_wp, -3617 / 8160.0_wp, 43867 / 14364.0_wp, &
    -174611 / 6600.0_wp]

contains

  !> ratio = gamma(m) / gamma(m - 1/2) for m > 0, negative for m < 1/2, and its derivative.
  pure subroutine half_step(m, ratio, slope)
    real(wp), intent(in) :: m
    real(wp), intent(out) :: ratio, slope
    real(wp) :: first, top, bottom, a, series, change, b

    ! the first factor of the recurrence has a zero at 1/2: it is kept apart from the logarithm
    first = (m - 0.5_wp) / m
    ratio = 1
    change = 0
    b = m + 1
    do while (b < enough)
      ratio = ratio * ((b - 0.5_wp) / b)
      change = change + (1 / (b - 0.5_wp) - 1 / b)
      b = b + 1
    end do
    a = b - 0.5_wp
    top = real(stirling_sum(cmplx(b, 0.0_wp, wp)), wp)
    bottom = real(stirling_sum(cmplx(a, 0.0_wp, wp)), wp)
    series = a * log1p(0.5_wp / a) + 0.5_wp * (log(a) - 1) + (top - bottom)
    ratio = ratio * exp(series)
    change = change + log1p(0.5_wp / a) + 0.5_wp * (1 / a - 1 / b) &
      - real(psi_sum(cmplx(b, 0.0_wp, wp)) - psi_sum(cmplx(a, 0.0_wp, wp)), wp)
    slope = ratio * (0.5_wp / m**2 + first * change)
    ratio = first * ratio
  end subroutine half_step

  !> value = log abs(gamma(m + i eta) / gamma(m)) for m > 0, and its derivatives by m and eta.
  pure subroutine off_axis(m, eta, value, by_m, by_eta)
    real(wp), intent(in) :: m, eta
    real(wp), intent(out) :: value, by_m, by_eta
    complex(wp) :: z, psi
    real(wp) :: b, t

    value = 0
    by_m = 0
    by_eta = 0
    b = m
    do while (b < enough)
      ! a factor b / abs(b + i eta)
      t = eta / b
      value = value - log_of_hypotenuse(t)
      by_m = by_m + t / b * (t / (1 + t * t))
      by_eta = by_eta - t / (b * (1 + t * t))
      b = b + 1
    end do
    z = cmplx(b, eta, wp)
    t = eta / b
    value = value + ((b - 0.5_wp) * log_of_hypotenuse(t) - eta * atan(t)) &
      + real(stirling_sum(z) - stirling_sum(cmplx(b, 0.0_wp, wp)), wp)
    ! psi(z) - psi(b), of which by_m is the real part and by_eta minus the imaginary one
    psi = cmplx(log_of_hypotenuse(t), atan(t), wp) - (0.5_wp / z - 0.5_wp / b) &
      - (psi_sum(z) - psi_sum(cmplx(b, 0.0_wp, wp)))
    by_m = by_m + real(psi, wp)
    by_eta = by_eta - aimag(psi)
  end subroutine off_axis

  !> log(sqrt(1 + t**2))
  elemental function log_of_hypotenuse(t)
    real(wp), intent(in) :: t
    real(wp) :: log_of_hypotenuse

    log_of_hypotenuse = 0.5_wp * log1p(t * t)
  end function log_of_hypotenuse

  !> log(1 + v), v >= 0, by Kahan's correction of the logarithm of the rounded sum.
  elemental function log1p(v)
    real(wp), intent(in) :: v
    real(wp) :: log1p, u

    u = 1 + v
    log1p = log(u) + (v - (u - 1)) / u
  end function log1p

  !> log(gamma(z)) - (z - 1/2) log(z) + z - log(2 pi) / 2
  pure function stirling_sum(z)
    complex(wp), intent(in) :: z
    complex(wp) :: stirling_sum, w
    integer :: k

    w = 1 / z
    stirling_sum = stirling(10)
    do k = 9, 1, -1
      stirling_sum = stirling_sum * (w * w) + stirling(k)
    end do
    stirling_sum = stirling_sum * w
  end function stirling_sum

  !> log(z) - 1 / (2 z) - psi(z)
  pure function psi_sum(z)
    complex(wp), intent(in) :: z
    complex(wp) :: psi_sum, w
    integer :: k

    w = 1 / z
    w = w * w
    psi_sum = psi_terms(10)
    do k = 9, 1, -1
      psi_sum = psi_sum * w + psi_terms(k)
    end do
    psi_sum = psi_sum * w
  end function psi_sum

end module fitcore_gamma
