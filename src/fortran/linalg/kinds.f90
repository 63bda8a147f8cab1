!> Kinds and machine constants shared by every solver.
module fitcore_kinds
  use, intrinsic :: iso_c_binding, only: c_double, c_int, c_int64_t
  implicit none (type, external)
  private

  integer, parameter, public :: wp = c_double     !< working precision, IEEE binary64
  integer, parameter, public :: ip = c_int64_t    !< sizes, subscripts and counters
  integer, parameter, public :: ic = c_int        !< codes and flags in C structs

  real(wp), parameter, public :: eps = epsilon(1.0_wp)     !< spacing at 1, MINPACK's dpmpar(1)
  real(wp), parameter, public :: dwarf = tiny(1.0_wp)      !< smallest normal number, dpmpar(2)
  real(wp), parameter, public :: giant = huge(1.0_wp)      !< largest number, dpmpar(3)

  !> A sum of squares within these limits has lost nothing to underflow or overflow:
  !> dwarf/eps below, giant above with room for a sum of 2**52 terms.
  real(wp), parameter, public :: square_lo = dwarf / eps
  real(wp), parameter, public :: square_hi = giant * eps

end module fitcore_kinds
