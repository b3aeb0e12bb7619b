"""State that the board's pages share: settings, ledger, agreements, and the interface to Airflow."""

from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from datetime import datetime
from functools import cached_property, partial

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.key_client import KeyClient
from overstap.ledger import Ledger, downloads
from overstap.ledger.downloads import FileKind
from overstap.ledger.keys_by_service import keys_by_service
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.region_keys import BoardKeys, load_board_keys, load_keys
from overstap.pages.board import render
from overstap.pages.board.agreement_cache import AgreementCache
from overstap.pages.board.airflow_port import AirflowPort
from overstap.pages.board.person import BoardUser
from overstap.pages.board.views.page_context import PageContext, sentence_of
from overstap.pages.board.views.self_check import CheckResult
from overstap.quality import report, rulebook
from overstap.settings import Settings

Examine = Callable[[Settings, Iterable[str]], Iterable[CheckResult]]


class Board:
    """State that the board's pages share. Settings are read at the first request, not at import.

    Args:
        airflow: the interface to Airflow.
        settings: returns the settings.
        examine: the checks of `overstap doctor`; None where there are none.
    """

    def __init__(
        self, airflow: AirflowPort, settings: Callable[[], Settings] = Settings, *, examine: Examine | None = None
    ) -> None:
        self.airflow = airflow
        self.examine = examine
        self._settings = settings
        self.over_limit: dict[tuple[str, str], datetime] = {}
        """Regions and accounts that looked up too many pupils, and until when the key service is not asked for them."""

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self._settings()

    @cached_property
    def read_only_ledger(self) -> ReadOnlyLedger:
        """Read-only access to the ledger."""
        return ReadOnlyLedger(self.settings.need("ledger"))

    @cached_property
    def agreement_cache(self) -> AgreementCache:
        """The cache of agreements."""
        return AgreementCache(self.settings.regions)

    def contact_keys(self, region: str) -> BoardKeys | None:
        """Return the board's keys of a region, for contact with schools; None where this server has none.

        Raises:
            OverstapError: LEDGER-005 when others may read one.
        """
        if self.settings.board_keys is None:
            return None
        try:
            return load_board_keys(self.settings.board_keys, region)
        except OverstapError as error:
            if error.code != "LEDGER-001":
                raise
            return None

    @cached_property
    def _key_client(self) -> KeyClient | None:
        return KeyClient(self.settings.key_service) if self.settings.key_service else None

    def pupil_hash(self, region: str, number: str) -> bytes | None:
        """Return the keyed hash of a pupil's number; None where this server can make none.

        The key service makes it, which limits how often. Where one process has everything, as on a machine for
        development, it is made with the keys in files.

        Args:
            region: region id.
            number: BSN or onderwijsnummer.

        Raises:
            OverstapError: KEYS-001 when the service does not answer, KEYS-004 after too many in an hour; errors of the
                region's keys.
        """
        if self._key_client is not None:
            return keys_by_service(self._key_client, region).lookup("pupil", number)
        if self.settings.keys is None:
            return None
        return load_keys(self.settings.keys, region).lookup("pupil", number)

    def prepare(self) -> None:
        """Load templates, sentences and all agreements, so that the first request does not wait for them."""
        render.prepare()
        sentence_of(rulebook.own_rules()[0].id)
        report.page_words()
        for region in self.agreement_cache.regions():
            self.agreement_cache.of(region)

    def context(self, person: BoardUser) -> PageContext:
        """Return the context of one request."""
        return PageContext(
            *(self.read_only_ledger, self.agreement_cache, person, now(), self.airflow.base),
            partial(self._note_download, person.account),
        )

    def _note_download(self, account: str, region: str, file: FileKind, about: str, signs: Collection[str]) -> None:
        with closing(Ledger(self.settings.need("ledger"), None)) as ledger, ledger.unit(region, account) as unit:
            downloads.note(unit, file, about, signs)
