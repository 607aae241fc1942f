// @generated automatically by Diesel CLI.

diesel::table! {
    blocks (owner_id, blocked_id) {
        owner_id -> Uuid,
        blocked_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    conversation_members (conversation_id, user_id) {
        conversation_id -> Uuid,
        user_id -> Uuid,
        peer_id -> Uuid,
        read_seq -> Int8,
        cleared_seq -> Int8,
        peer_seen -> Int8,
        deleted_seq -> Int8,
        remark -> Text,
        pinned -> Bool,
        muted -> Bool,
        hidden -> Bool,
        read_shown -> Bool,
        shown_read_seq -> Nullable<Int8>,
        hidden_unread -> Int8,
        changed_in -> Int8,
        shown_in -> Int8,
    }
}

diesel::table! {
    conversations (id) {
        id -> Uuid,
        user_lo -> Uuid,
        user_hi -> Uuid,
        friends -> Bool,
        befriended_at -> Nullable<Timestamptz>,
        lo_blocks -> Bool,
        hi_blocks -> Bool,
        last_seq -> Int8,
        lo_sent -> Int8,
        hi_sent -> Int8,
        recalled_seq -> Int8,
        last_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        changed_in -> Int8,
        related_in -> Int8,
    }
}

diesel::table! {
    deletions_by_change (conversation_id, user_id, deleted_in, seq) {
        conversation_id -> Uuid,
        user_id -> Uuid,
        deleted_in -> Int8,
        seq -> Int8,
    }
}

diesel::table! {
    erasures (user_id) {
        user_id -> Uuid,
        stage -> Text,
        done_to -> Uuid,
        begun_at -> Timestamptz,
    }
}

diesel::table! {
    friendship_requests (conversation_id, id) {
        conversation_id -> Uuid,
        id -> Uuid,
        sender_id -> Uuid,
        receiver_id -> Uuid,
        verification_message -> Text,
        status -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        answered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    friendships (owner_id, friend_id) {
        owner_id -> Uuid,
        friend_id -> Uuid,
        friendship_id -> Uuid,
        remark -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    invites (id) {
        id -> Text,
        code_hash -> Bytea,
        uses -> Int4,
        used -> Int4,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    known_devices (user_id, device) {
        user_id -> Uuid,
        device -> Bytea,
        logged_in_at -> Timestamptz,
    }
}

diesel::table! {
    lineages (token) {
        token -> Uuid,
        cluster -> Int8,
        database -> Int8,
        file -> Int8,
        started_at -> Timestamptz,
        covered -> Int8,
    }
}

diesel::table! {
    login_throttles (key) {
        key -> Bytea,
        failures -> Int4,
        last_failure_at -> Timestamptz,
        blocked_until -> Timestamptz,
        forgiven_at -> Timestamptz,
    }
}

diesel::table! {
    message_deletions (conversation_id, user_id, first_seq) {
        conversation_id -> Uuid,
        user_id -> Uuid,
        first_seq -> Int8,
        last_seq -> Int8,
    }
}

diesel::table! {
    messages (conversation_id, seq) {
        conversation_id -> Uuid,
        seq -> Int8,
        sender_id -> Uuid,
        sender_ordinal -> Int8,
        client_message_id -> Nullable<Text>,
        content -> Nullable<Text>,
        created_at -> Timestamptz,
        recalled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    quotas (key) {
        key -> Bytea,
        full_at -> Timestamptz,
    }
}

diesel::table! {
    recalls_by_change (conversation_id, recalled_in, seq) {
        conversation_id -> Uuid,
        recalled_in -> Int8,
        seq -> Int8,
    }
}

diesel::table! {
    retired_uids (uid) {
        uid -> Text,
        owner_id -> Uuid,
        retired_at -> Timestamptz,
    }
}

diesel::table! {
    search_blocks (conversation_id, block) {
        conversation_id -> Uuid,
        block -> Int8,
        times -> Array<Nullable<Timestamptz>>,
        folded -> Text,
    }
}

diesel::table! {
    search_progress (conversation_id) {
        conversation_id -> Uuid,
        indexed_seq -> Int8,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        device_name -> Text,
        generation -> Int4,
        rotations -> Array<Nullable<Timestamptz>>,
        refresh_key -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
        changed_in -> Int8,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        uid -> Text,
        name -> Text,
        phone_number -> Nullable<Text>,
        password_hash -> Text,
        state -> Text,
        created_at -> Timestamptz,
        uid_changed_at -> Nullable<Timestamptz>,
        erased_at -> Nullable<Timestamptz>,
        changed_in -> Int8,
        shown_in -> Int8,
        share_read -> Bool,
        share_typing -> Bool,
        sharing_in -> Int8,
    }
}

diesel::joinable!(conversation_members -> conversations (conversation_id));
diesel::joinable!(erasures -> users (user_id));
diesel::joinable!(friendship_requests -> conversations (conversation_id));
diesel::joinable!(known_devices -> users (user_id));
diesel::joinable!(retired_uids -> users (owner_id));
diesel::joinable!(search_blocks -> search_progress (conversation_id));
diesel::joinable!(search_progress -> conversations (conversation_id));
diesel::joinable!(sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    blocks,
    conversation_members,
    conversations,
    deletions_by_change,
    erasures,
    friendship_requests,
    friendships,
    invites,
    known_devices,
    lineages,
    login_throttles,
    message_deletions,
    messages,
    quotas,
    recalls_by_change,
    retired_uids,
    search_blocks,
    search_progress,
    sessions,
    users,
);
