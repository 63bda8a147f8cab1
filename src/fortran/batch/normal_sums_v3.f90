!> The sums of small least squares problems for x86-64-v3 (AVX2 and FMA).
module fitcore_batch_sums_v3
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: normal_sums, normal_gradient

  character(*), parameter :: variant = 'v3'

contains

  include 'normal_sums.inc'

end module fitcore_batch_sums_v3
