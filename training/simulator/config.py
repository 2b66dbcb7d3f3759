"""Every parameter of the shopper simulator, with its effect. The model is told in simulate.py."""

from dataclasses import dataclass

SIMULATOR_VERSION = "2"  # raise it when the same config gives other rows


@dataclass(frozen=True)
class SimulatorConfig:
    """Known truth: what a test or a model of the log should recover."""

    seed: int = 20170101
    event_count: int = 1_200_000  # baskets are sampled until the log holds so many events

    # Sessions of one basket
    research_rate: float = 0.35  # chance of an earlier session that only looks
    abandon_rate: float = 0.15  # chance of an earlier session that fills a cart and leaves
    extra_search_mean: float = 1.5  # searches of a session: 1 + Poisson(this), at most one a line

    # Query text
    word_keep_rate: float = 0.75  # chance that a word of the title is typed
    brand_rate: float = 0.1  # chance that the brand is typed in front
    category_rate: float = 0.15  # chance that a word of the category is typed behind
    typo_rate: float = 0.06  # chance that one word is misspelt
    typo_forgiven_rate: float = 0.5  # of those, answered all the same; the rest find nothing

    # Ranked list
    list_size: int = 12  # positions shown at most
    found_rate: float = 0.92  # chance that the item sought is among the candidates
    shuffled_rate: float = 0.2  # lists in random order, request_id ends in '-shuffled'
    rank_relevance: float = 2.0  # weight of relevance in the shop's ranking
    rank_popularity: float = 0.25  # weight of log(1 + orders so far)
    rank_affinity: float = 0.3  # weight of log(1 + own orders so far)
    rank_noise: float = 1.0  # scale of the Gumbel noise on the ranking score

    # Examination and click
    examination_eta: float = 0.8  # P(examine rank r) = 1 / r ** eta
    attraction_bias: float = -2.4  # P(click | examined) = sigmoid(bias + the three below)
    attraction_relevance: float = 3.0  # times 1 same item, 0.5 same type, 0.2 same department
    attraction_affinity: float = 0.5  # times log(1 + own orders of the item so far)
    attraction_popularity: float = 0.08  # times log(1 + orders of the item so far)
    dismiss_rate: float = 0.03  # chance that an examined item not clicked is waved away

    # After the click
    cart_rate: float = 0.12  # chance to cart a viewed item that the basket does not hold
    abandon_cart_rate: float = 0.7  # the same in a session that will be abandoned
    uncart_rate: float = 0.3  # chance to take it out again, where the session ends without order
    ingest_delay_seconds: float = 20.0  # mean of the exponential delay from event to log

    def propensities(self) -> tuple[float, ...]:
        """The true chance to be examined, by position from 1."""
        return tuple(float(rank) ** -self.examination_eta for rank in range(1, self.list_size + 1))
