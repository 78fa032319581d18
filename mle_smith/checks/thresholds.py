"""Every number that a check decides by, and where it comes from.

"Measured" means: set on synthetic packages (binary, multiclass, regression, grouped, temporal,
forecasting; 150 to 4,000 rows; 3 to 14 columns) of which some were sound and some carried a
planted defect, so that no sound one is refused for a leak.
"""

from __future__ import annotations

from pydantic import Field

from mle_smith.values import Value


class Thresholds(Value):
    """Limits of the checks. Shares are 0 to 1; a *skill* is 0 for a constant, 1 for perfect."""

    max_table_mb: float = Field(default=560, gt=0)
    """About the memory that a table may take: its size, 8 bytes a cell, 160 a row. Of a larger
    train table evenly spaced rows are looked at; what needs another one whole is not asked.
    Measured: a package of 1 GB is checked in less than 1.5 GB."""
    stream_mb: float = Field(default=96, gt=0)
    """Of a train file larger than this rows are drawn, too. Time."""
    streamed_rows: int = Field(default=60_000, ge=1_000)
    """About so many are drawn."""
    max_stat_rows: int = Field(default=10_000, ge=100)
    """Rows a side that statistics look at, evenly spaced. Time: a second a package."""
    max_compared_rows: int = Field(default=100_000, ge=100)
    """Rows a side of what compares rows with each other, or sums them by group. Memory."""
    max_side_files: int = Field(default=2_000, ge=1)
    """Other public files that are searched for answers. Time."""

    min_test_rows: int = 20
    """Fewer test rows cannot rank anything: one row is 5 points of accuracy."""
    small_test_rows: int = 100
    """Below it a warning: the 95 % interval of an accuracy is wider than +-10 points."""
    min_train_rows: int = 40
    """Fewer leave a learner nothing to learn from."""
    min_test_share: float = 0.05
    max_test_share: float = 0.6
    """Outside of these a split is a mistake rather than a choice."""
    min_class_rows: int = 2
    """Test rows of each class below which its score is one row's luck (warning)."""
    min_rows_of_two: int = 5
    """The same of the smaller of two classes, which decides every score (error): with four rows
    the standard error of an area under the curve is a tenth or more."""
    repeated_rows: float = 0.5
    """Different test rows, as a part of those among as many train rows, below which too few of
    them are too few test rows (error)."""

    mostly_empty: float = 0.03
    """Share of test rows that lack most inputs, though (next to) no train row does."""
    emptier: float = 0.3
    """Share of cells of a column that are empty in test but not in train, from which on it is an
    error. Measured: under 0.1 in sound tasks, however they are split."""
    emptier_later: float = 0.6
    """The same where test is later than train: what is recorded changes with time."""

    significance: float = 4.8
    """Standard errors. Some hundred and fifty statistics of order and ids a package: one false
    alarm in 4,000 packages."""
    significance_of_large: float = 4.5
    """The same for effects of half the variance and more, which small test sets can show only so
    clearly: under one false alarm in 10^4."""
    order_significance: float = 3.2
    """Standard errors of the order of rows, for all its questions together: one false alarm in
    1,500 packages, measured half as often. Sixty rows show a rank correlation of 0.5 no clearer."""
    agreement_significance: float = 2.4
    """Standard errors by which test rows must at least agree with what train rows' ids teach. Both
    together (Stouffer's sum) must come to `significance`: what is asked of test is one question."""
    sample_significance: float = 3.2
    """The same for a sample submission that varies, which is asked three things: one false alarm
    in 500 samples that were drawn at random."""

    duplicate_share: float = 0.01
    """Test rows copied from train, beyond chance, that make an error. Published test sets with
    3 to 10 % copies changed their ranking; 0.03 % did not."""
    duplicate_rows: int = 2
    """And at least so many rows."""
    duplicate_agreement: float = 0.9
    """Copies carry the same target; chance matches do not."""
    twin_log_chance: float = -3.5
    """Log10 of the chance of so many test rows with twins, given how many train rows have some."""
    twin_log_chance_of_groups: float = -8.0
    """The same where groups were divided, whose rows may be twins by the dozen. Measured: above -1
    on sound packages."""
    twins_together_log_chance: float = -3.5
    """Log10 of the chance that so many twins of test rows are in test too: from here on the split
    keeps twins on one side, and those across are copies. Sound packages have none then."""
    chance_factor: float = 3.0
    """The expected matches are a pairwise (Chow-Liu) estimate, low where more than two columns
    depend on each other. Measured: under 2 on sound packages."""
    joined_share: float = 0.03
    """Of test rows that equal a train row in all columns but one. Measured in sound packages: 0.06
    at 6 times what chance gives, and 0.009 at 50 times, where an event was recorded twice."""
    joined_factor: float = 20.0
    """How many times more than chance gives."""
    near_agreement: float = 0.8
    """The same for near copies, which stand out by their closeness as well."""
    near_log_closeness: float = -2.5
    """Log10 of the chance of so many test rows so close to a train row, whatever their target."""
    near_log_chance: float = -5.0
    """Log10 of the chance of so many test rows so close to a train row, with its target."""
    crowd_log_chance: float = -5.0
    """Log10 of the chance of so many test rows so close to a train row, given the dimension of
    train. The count is chosen to be the least likely, which costs one to two orders."""

    apart: float = 0.75
    """Area under the curve of telling train rows from test rows, from which on it is an error. A
    column of half the variance, moved by one standard deviation, has 0.76."""
    apart_warning: float = 0.6
    targets_apart: float = 0.15
    """Distance (total variation, or Kolmogorov's) between the answers and train's targets, where
    chance divided them. Stratified splits of sound tasks are measured below 0.06."""

    unknown_values: float = 0.05
    """Test cells of a column with values that train never has, beyond what chance gives, where
    chance divided the rows."""

    order_effect: float = 0.05
    """Share of the variance of the target, or of one of its classes against all others, that the
    position in the file explains, from which on it is an error (significance is needed as well).
    An ordered file is cured by a shuffle."""

    number_effect: float = 0.1
    """The same of an input that numbers the rows, which may honestly drift with time a little."""

    size_effect: float = 0.45
    """The same of the size of files: what is louder, longer or richer in detail takes more bytes,
    and honestly. Measured: sizes of recordings explain up to a third of what is said."""

    proxy_skill: float = 0.98
    """Skill of a single column, from which on it stands for the target. Measured: a copy with
    noise of 10 % of a standard deviation has 0.99; honest strong features stay below 0.97."""
    suspect_skill: float = 0.88
    """From here on a single column is looked at: against all others, which have to do far worse.
    Measured: a fare by its distance, honestly, has 0.85, where all others have 0.32."""
    suspect_class_skill: float = 0.8
    """The same for classes. Skill counts the errors of a constant, so a twentieth of wrong classes
    costs more of it the rarer the other class is: a copy of which 8 % are drawn anew has 0.86 where
    nine tenths are of one class."""
    skill_margin: float = 0.12
    """So much less on the test rows is worth measuring on all rows. Sixty rows tell a skill to
    about a tenth."""
    paired_skill: float = 0.85
    """The same for two columns together: there are many pairs."""
    rest_ratio: float = 0.3
    """A proxy leaves at most this part of the error that all other columns together leave. With
    both measured on all rows; honest columns above the least skill leave more than the half."""
    afterwards_skill: float = 0.5
    """Skill of a single column whose name speaks of what comes after (a follow-up, a settlement),
    from which on it is looked at: half of what the target varies by."""
    afterwards_ratio: float = 0.7
    """Part of the error of all others that it leaves at most. A name alone says nothing: the column
    has to tell a third of what nothing else tells."""
    identity_residual: float = 1e-3
    """Residual, in standard deviations of the target, of a sum or product that is an identity:
    what rounding to three digits leaves."""
    mask_skill: float = 0.9
    """Skill of the pattern of missing cells alone: error. Informative absence stays below."""
    mask_warning: float = 0.2
    mask_ratio: float = 0.6
    """An absence that leaves at most this part of the error that all values leave is an error
    too: nothing that is measured comes near to what is not."""

    mask_unexplained: float = 0.4
    """So is one that goes with the target more closely than with any input. Measured: what is
    missing foretells up to 0.13 in sound tasks, and always goes with an input more closely."""
    mask_tie: float = 0.2
    """Or one of which the target explains this part, and twice as much as any input. Measured: up
    to 0.1 in sound tasks."""
    form_skill: float = 0.2
    """Skill of the form of cells, where it goes with the target more closely than with any input.
    Measured: nowhere, in sound tasks."""

    test_mark_effect: float = 0.01
    """The same share for gaps and marks that test has and train has not, though rows were divided
    at random: no honest way leads to these."""
    sample_excess: float = 0.02
    """Agreement of the sample submission with the answers, beyond that of a constant."""
    sample_exceptions: int = 4
    """Rows of a sample submission that is otherwise one constant, each of which tells its answer,
    that make an error"""
    sample_exceptions_chance: float = 0.04
    """where the chance that they do so is no more than this. Constants have no exceptions, so that
    a weak test suffices."""
    found_share: float = 0.02
    """Part of the answers that another public file gives away, from which on it is an error. Each
    way of telling has a test of significance of its own."""

    word_skill: float = 0.4
    """Skill of the word for a missing value, on the rows that have one. One word means what
    another means; which of them was used says who wrote it."""

    entity_skill: float = 0.35
    """Skill of looking up the entity of a row in train from which on it is an error, if it also
    beats all other columns by the gain: the split then tests memory."""
    entity_gain: float = 0.2
    """Measured: in sound tasks looking things up never beats the other columns together."""
    person_skill: float = 0.15
    """The same two of columns that are named like persons: who decides the half of the rows has
    little skill where a class is rare."""
    person_gain: float = 0.1
    entity_warning: float = 0.3
    time_neighbour_skill: float = 0.5
    """Skill of copying the target of the train row nearest in time: error where the other columns
    do worse, for the split then tests interpolation."""
    time_neighbour_warning: float = 0.4
    future_fit: float = 0.9
    """R² with the target of the same time, or later, from which on an input is looked at."""
    future_ratio: float = 0.5
    """It leaves at most this part of what the best time before leaves."""

    fuzz_rows: int = 400
    """Answers that the metric's contract is tried on; it does not depend on their number."""
    noise_levels: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    """Parts of the answers that are replaced by shuffled ones in the noise sweep."""
    noise_seeds: int = 3
    best_tolerance: float = 1e-9
    """How far perfect answers may miss the best score (log loss clips at 1e-15)."""

    errors_left: float = 0.003
    """Wrong classes of a plain baseline below which nobody can be ranked above it."""
    variance_left: float = 0.0005
    """The same of the variance of a quantity. Measured: 0.003 of sound tasks of simulations."""
    resamples: int = Field(default=200, ge=20)
    """Bootstrap resamples of the ladder: percentiles to about a tenth of their interval."""
    share_of_one_row: float = 0.5
    """Part of the way from a plain baseline to the best score that one answer may not decide."""
    confidence: float = 0.95
    headroom_share: float = 0.02
    """Part of the way from constant to answers that has to be left above the strong solution."""
    constant_share: float = 0.95
    """Share of the way to the best score that a constant may not reach (accuracy, imbalanced)."""
