!> Numbers of the line shapes and of their forms, and what is computed once for all points.
module fitcore_shape_types
  use fitcore_kinds, only: wp, ip
  use fitcore_gamma, only: half_step, off_axis
  implicit none (type, external)
  private
  public :: shape_constants, shape_size, not_zero

  !> Denominators are kept from getting smaller; the name and the value are lmfit's.
  real(wp), parameter, public :: least = 1.0e-15_wp

  ! The numbers are known to src/wrappers/_lineshapes.pyx too.
  integer(ip), parameter, public :: shape_gaussian = 1, shape_gaussian2d = 2, shape_lorentzian = 3, &
    shape_split_lorentzian = 4, shape_voigt = 5, shape_pvoigt = 6, shape_moffat = 7, &
    shape_pearson4 = 8, shape_pearson7 = 9, shape_breit_wigner = 10, shape_damped_oscillator = 11, &
    shape_dho = 12, shape_logistic = 13, shape_lognormal = 14, shape_students_t = 15, &
    shape_expgaussian = 16, shape_doniach = 17, shape_skewed_gaussian = 18, &
    shape_skewed_voigt = 19, shape_thermal = 20, shape_bose = 21, shape_fermi = 22, &
    shape_step = 23, shape_rectangle = 24, shape_exponential = 25, shape_powerlaw = 26, &
    shape_polynomial = 27, shape_sine = 28, shape_expsine = 29

  integer(ip), parameter, public :: form_linear = 0, form_atan = 1, form_erf = 2, form_logistic = 3
  integer(ip), parameter, public :: form_bose = 0, form_maxwell = 1, form_fermi = 2

  !> Operations of a plan, numbers in one of its instructions, and values it can hold at once.
  integer(ip), parameter, public :: plan_add = 0, plan_subtract = -1, plan_multiply = -2
  integer, parameter, public :: plan_width = 5, plan_depth = 32

  !> Parameters that a shape can have, and constants.
  integer, parameter, public :: most_parameters = 8, most_constants = 4

contains

  !> v, but at least `least` away from 0 on its side.
  elemental function not_zero(v)
    real(wp), intent(in) :: v
    real(wp) :: not_zero

    not_zero = sign(merge(least, abs(v), abs(v) < least), v)
  end function not_zero

  !> How many parameters a shape has.
  pure function shape_size(shape, form) bind(c, name='fitcore_shape_size')
    integer(ip), intent(in), value :: shape, form
    integer(ip) :: shape_size

    select case (shape)
    case (shape_polynomial)
      shape_size = abs(form) + 1
    case (shape_exponential, shape_powerlaw)
      shape_size = 2
    case (shape_split_lorentzian, shape_voigt, shape_pvoigt, shape_moffat, shape_pearson7, &
      shape_breit_wigner, shape_dho, shape_expgaussian, shape_doniach, shape_skewed_gaussian, &
      shape_expsine)
      shape_size = 4
    case (shape_gaussian2d, shape_pearson4, shape_skewed_voigt, shape_rectangle)
      shape_size = 5
    case default
      shape_size = 3
    end select
  end function shape_size

  !> Normalization and its logarithmic derivatives, of the shapes that need the gamma function.
  pure subroutine shape_constants(shape, p, c)
    integer(ip), intent(in) :: shape
    real(wp), intent(in) :: p(*)
    real(wp), intent(out) :: c(most_constants)
    real(wp), parameter :: sqrt_pi = 1.77245385090551602730_wp
    real(wp) :: m, ratio, slope, value, by_m, by_skew

    c = 0
    select case (shape)
    case (shape_pearson7, shape_pearson4)
      ! c(1) = 1 / beta(m - 1/2, 1/2), c(2) its derivative; of pearson4 also those of its other factor
      m = merge(least, p(4), p(4) < least)
      call half_step(m, ratio, slope)
      c(1:2) = [ratio, slope] / sqrt_pi
      if (p(4) < least) c(2) = 0
      if (shape == shape_pearson4) then
        call off_axis(m, 0.5_wp * p(5), value, by_m, by_skew)
        c(1) = abs(c(1))
        if (m < 0.5_wp) c(2) = -c(2)
        ! the logarithm: exp(value) alone may underflow where the product with the rest does not
        c(3) = 2 * value
        c(2) = c(2) + merge(0.0_wp, c(1) * 2 * by_m, p(4) < least)
        c(4) = by_skew
      end if
    case (shape_students_t)
      ! c(1) = gamma((s + 1) / 2) / gamma(s / 2) / sqrt(pi s), c(2) its derivative
      m = merge(least, p(3), p(3) < least)
      call half_step(0.5_wp * (m + 1), ratio, slope)
      c(1) = ratio / (sqrt_pi * sqrt(m))
      if (.not. p(3) < least) c(2) = 0.5_wp * (slope / (sqrt_pi * sqrt(m)) - c(1) / m)
    end select
  end subroutine shape_constants

end module fitcore_shape_types
