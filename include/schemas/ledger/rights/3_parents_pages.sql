-- The rights of the parents' pages (login overstap_review): functions, and no table.

grant usage on schema overstap to overstap_review;
do $$ begin
    execute format('grant connect on database %I to overstap_review', current_database());
end $$;
grant execute on function overstap.review_sign_in, overstap.review_look, overstap.review_file, overstap.review_decide,
    overstap.review_ask, overstap.review_sign_out, overstap.review_sweep, overstap.review_trail, overstap.review_wish,
    overstap.review_proof_of to overstap_review;
