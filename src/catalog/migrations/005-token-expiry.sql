-- A token can end by itself. Null: it is good until it is revoked.
alter table api_tokens add column expires_at timestamptz;
