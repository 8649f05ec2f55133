"""The core's tests of precision and of the device, by the attention that the host runs and what its kernel tells."""

import pytest
from attention_bending.bending.attention.kernel import Attention
from attention_bending.host.run.kernel import HostKernel
from core.precision import Way
from core.test_device import test_every_bend_stays_on_the_device  # noqa: F401 - run here too
from core.test_half import (  # noqa: F401 - run here too
    test_a_word_that_holds_0_999_of_every_place_leaves_no_rounding,
    test_error_of_every_bend,
    test_null_has_the_kernels_own_bits,
    test_signs_that_cancel_in_the_mass_do_not_blow_up_the_output,
)
from host.kernels import on_both

pytestmark = on_both("pytorch")


@pytest.fixture
def ways(kernel, dtype):
    """As a site makes an attention of the host's call."""

    def attention(*qkv):
        q, k, v = (tensor.transpose(1, 2) for tensor in qkv)
        host = HostKernel(kernel.attend.__wrapped__, None, *(t.flatten(2) for t in (q, k, v)), q.shape[2], {})
        assert host.tells
        return Attention(q, k, v, host, host.scale, host.with_lse)

    return [Way(kernel.way(dtype), kernel.device, attention)]
