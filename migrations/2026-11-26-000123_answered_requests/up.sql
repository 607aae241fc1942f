-- Finds requests that were answered, withdrawn or expired long ago, which maintenance deletes.
CREATE INDEX friendship_requests_by_answer ON friendship_requests (answered_at) WHERE status <> 'pending';
