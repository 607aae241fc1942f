-- The requests that wait for an answer are few, and those that were answered pile up: counting the few must not read the
-- others. Asking, answering and withdrawing change no more indexes in place than before, because the status decides about
-- an index already.

-- How many questions wait for somebody's answer.
CREATE INDEX friendship_requests_waiting_for_receiver ON friendship_requests (receiver_id, expires_at)
    WHERE status = 'pending';
-- How many of somebody's own questions are open.
CREATE INDEX friendship_requests_waiting_of_sender ON friendship_requests (sender_id, expires_at)
    WHERE status = 'pending';
