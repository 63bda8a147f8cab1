!> The sums of small least squares problems for any processor.
module fitcore_batch_sums_v1
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: normal_sums, normal_gradient

  character(*), parameter :: variant = 'v1'

contains

  include 'normal_sums.inc'

end module fitcore_batch_sums_v1
