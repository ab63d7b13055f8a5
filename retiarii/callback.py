"""What is called as a search goes on: the protocol of callbacks."""

from __future__ import annotations

from retiarii.trial import Trial


class Callback:
    """Hears of the trials of an experiment, in its own process. Override what is of interest::

        class Ping(Callback):
            def on_trial_end(self, trial):
                if trial.state == "failed":
                    requests.post("https://example.org/alarm", json={"trial": trial.number, "error": trial.error})

    A trial that is heard of has been recorded already. An error that a callback raises ends the search, as it is;
    nothing is lost, and the same experiment goes on afterwards.
    """

    def on_trial_start(self, trial: Trial) -> None:
        """A trial has begun to run; again, where it was cut off before."""

    def on_trial_end(self, trial: Trial) -> None:
        """A trial has completed, failed or been stopped."""

    def on_experiment_end(self, ending: str) -> None:
        """A run of the experiment has ended by itself; `ending` says why. Not called where it ends by an error."""
