"""Contract suite for the author of a provider: checks that need no network, no key and no money.

``provider_contract(provider, samples)`` returns them. With pytest, which storyboard itself does not need::

    @pytest.mark.parametrize("check", provider_contract(provider, SAMPLES), ids=str)
    def test_contract(check): check()
"""

from storyboard.testing.contract import ContractCheck, provider_contract
from storyboard.testing.sample_checks import ReplySamples

__all__ = ["ContractCheck", "ReplySamples", "provider_contract"]
