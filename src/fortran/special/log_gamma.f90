!> The logarithm of the gamma function in the right half of the complex plane.
!>
!> Recurrence up to 10, then Stirling's series: M. Abramowitz, I. A. Stegun, Handbook of Mathematical
!> Functions (1964), 6.1.15, 6.1.41, 6.3.5, 6.3.18.
module fitcore_log_gamma
  use, intrinsic :: iso_c_binding, only: c_double
  use fitcore_gamma, only: stirling_sum, psi_sum
  use fitcore_kinds, only: wp
  implicit none (type, external)
  private
  public :: log_gamma_at

  real(wp), parameter :: enough = 10.0_wp
  real(wp), parameter :: half_log_2pi = 0.91893853320467274178_wp

contains

  !> value = log(gamma(x + i y)) for x > 0, on the branch that is real for y = 0, and slope, its
  !> derivative psi(x + i y): real and imaginary part of each.
  pure subroutine log_gamma_at(x, y, value, slope) bind(c, name='fitcore_log_gamma_at')
    real(c_double), intent(in), value :: x, y
    real(c_double), intent(out) :: value(2), slope(2)
    complex(wp) :: z, f, psi, log_z

    z = cmplx(x, y, wp)
    f = 0
    psi = 0
    do while (real(z, wp) < enough)
      f = f - logarithm(z)
      psi = psi - 1 / z
      z = z + 1
    end do
    log_z = logarithm(z)
    f = f + ((z - 0.5_wp) * log_z - z + half_log_2pi) + stirling_sum(z)
    psi = psi + log_z - 0.5_wp / z - psi_sum(z)
    value = [real(f, wp), aimag(f)]
    slope = [real(psi, wp), aimag(psi)]
  end subroutine log_gamma_at

  !> log(z), Re z > 0
  elemental function logarithm(z)
    complex(wp), intent(in) :: z
    complex(wp) :: logarithm

    logarithm = cmplx(log(hypot(real(z, wp), aimag(z))), atan2(aimag(z), real(z, wp)), wp)
  end function logarithm

end module fitcore_log_gamma
