!> The sums of small least squares problems for x86-64-v4 (AVX-512).
module fitcore_batch_sums_v4
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: normal_sums, normal_gradient

  character(*), parameter :: variant = 'v4'

contains

  include 'normal_sums.inc'

end module fitcore_batch_sums_v4
