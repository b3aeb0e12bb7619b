-- The rights of whoever drafts agreements on the board (login overstap_drafts, in the api-server): five functions, and no table.
-- The board reads drafts with its own login; a task alone says what became of one (2_tasks.sql).

grant execute on function overstap.begin_draft, overstap.save_draft, overstap.rebase_draft, overstap.approve_draft,
    overstap.drop_draft to overstap_rights_drafts;
