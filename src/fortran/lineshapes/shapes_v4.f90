!> The line shapes for x86-64-v4 (AVX-512).
module fitcore_shapes_v4
  use fitcore_kinds, only: wp, ip, ic, dwarf, giant
  use fitcore_shape_types
  implicit none (type, external)
  private
  public :: shape_eval, special_eval, plan_eval

  character(*), parameter :: variant = 'v4'

  include '../special/constants.inc'

contains

  include 'shapes.inc'
  include 'peaks.inc'
  include 'others.inc'
  include 'plan.inc'
  include '../special/exponential.inc'
  include '../special/trigonometric.inc'
  include '../special/error.inc'
  include '../special/voigt_function.inc'

end module fitcore_shapes_v4
