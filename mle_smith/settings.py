"""What a user may set for a run; the graph's context schema is made of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mle_smith.models.consult import Terms
from mle_smith.models.ledger import Caps
from mle_smith.models.roles import AgentRole
from mle_smith.values import MAX_FORMULATIONS


class Budgets(BaseModel):
    """Bounds on what agents may spend. The defaults are the paper's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    brainstorm_steps: int = Field(default=30, ge=1)
    """Model calls of the Brainstormer for a data set."""
    design_steps: int = Field(default=30, ge=1)
    """Model calls of the Designer in one attempt."""
    refactor_steps: int = Field(default=30, ge=1)
    """Model calls of the Refactor in one attempt."""
    execute_steps: int = Field(default=10, ge=1)
    """Model calls of the test agent in one attempt."""
    attempts: int = Field(default=3, ge=1)
    """Attempts of the Designer, and of the Refactor, before a task is rejected."""
    run: Caps = Field(default_factory=Caps)
    """Money, tokens and time of the whole run. Used up, it stops where it is, to be resumed."""
    task: Caps = Field(default_factory=Caps)
    """The same for each task. Used up, that task is rejected, and the others go on."""


class Settings(BaseModel):
    """Everything about a run that is not its data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        default="embedded",
        description="Model of every role: 'embedded', 'PROVIDER:MODEL' or 'openai:MODEL@BASE_URL'; "
        "docs/models.md lists the options that may follow a '?'.",
    )
    role_models: dict[AgentRole, str] = Field(
        default_factory=dict, description="Models of single roles, in place of 'model'."
    )
    out: str = Field(
        default="",
        description="Output folder; empty: a new folder in ./mle-runs, named after the data.",
    )
    max_formulations: int = Field(
        default=MAX_FORMULATIONS, ge=1, le=MAX_FORMULATIONS, description="Ideas tried at the most."
    )
    seed: int = Field(default=0, ge=0, description="Of splits, samples and the embedded backbone.")
    sandbox: Literal["auto", "docker", "process"] = Field(
        default="auto", description="Where generated code runs."
    )
    accept_weaker_isolation: bool = Field(
        default=False, description="Let a language model's code run without Docker."
    )
    memory_mb: int = Field(
        default=1536, ge=256, description="Memory that reading the raw data may take, in MiB."
    )
    job_seconds: int = Field(
        default=600, ge=1, le=600, description="Longest run of one program in the sandbox."
    )
    budgets: Budgets = Field(default_factory=Budgets, description="Bounds on the agents' work.")

    review: bool = Field(
        default=True,
        description="Let a model review packages; off only to find out what that does.",
    )
    reviewers: int = Field(
        default=1, ge=1, le=9, description="Reviews of a package; most of them decide."
    )
    human_review: bool = Field(
        default=False, description="Wait for a person's word before a task is published."
    )
    prices: str = Field(default="", description="JSON file of prices, over the bundled ones.")
    cache: str | None = Field(
        default="",
        description="File of the reply cache; empty: the usual place; null: no cache.",
    )
    record: str = Field(default="", description="File to record all model traffic in.")
    replay: str = Field(default="", description="Recording to take all replies from.")
    retry_pause: float = Field(
        default=1.0, ge=0, le=60, description="Seconds before a failed model call is first retried."
    )

    def model_of(self, role: AgentRole) -> str:
        """Name of the model that plays `role`."""
        return self.role_models.get(role, self.model)

    def terms(self) -> Terms:
        """What of all this concerns the calls to models."""
        return Terms(
            run_caps=self.budgets.run,
            task_caps=self.budgets.task,
            prices=self.prices,
            cache=self.cache,
            record=self.record,
            replay=self.replay,
            seed=self.seed,
            retry_pause=self.retry_pause,
        )
