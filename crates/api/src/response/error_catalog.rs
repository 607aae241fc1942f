//! The error catalogue: every error name of the contract with its code and its text in both languages.

use crate::http::language::Language;

/// One error of the catalogue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CatalogEntry {
    /// The stable name, the same in every language.
    pub(crate) name: &'static str,
    /// The HTTP status and the envelope's `code`.
    pub(crate) code: u16,
    chinese: &'static str,
    english: &'static str,
}

impl CatalogEntry {
    /// The text for users.
    pub(crate) const fn message(&self, language: Language) -> &'static str {
        match language {
            Language::Chinese => self.chinese,
            Language::English => self.english,
        }
    }
}

/// The error names that an answer can have.
pub fn error_names() -> impl Iterator<Item = &'static str> {
    CATALOG.iter().map(|entry| entry.name)
}

const fn entry(code: u16, name: &'static str, chinese: &'static str, english: &'static str) -> CatalogEntry {
    CatalogEntry { name, code, chinese, english }
}

/// The catalogue, ordered by code. `{field}` and `{rule}` are placeholders for the invalid field and the rule it breaks.
#[rustfmt::skip]
pub(crate) const CATALOG: &[CatalogEntry] = &[
    entry(400, "malformed_json", "请求体不是有效的 JSON", "The body is not valid JSON"),
    entry(400, "missing_field", "缺少字段 {field}", "The field {field} is missing"),
    entry(400, "invalid_field", "字段 {field} 无效：{rule}", "The field {field} is not valid: {rule}"),
    entry(400, "missing_refresh_token", "缺少刷新令牌", "The refresh token is missing"),
    entry(400, "uid_taken", "该微信号已被使用", "This uid is taken"),
    entry(400, "uid_unchanged", "新微信号与当前微信号相同", "The new uid is the same as the current one"),
    entry(400, "uid_changed_too_recently", "微信号修改过于频繁，请过段时间再试", "The uid was changed too recently, please try again later"),
    entry(400, "phone_number_taken", "该手机号已被使用", "This phone number is taken"),
    entry(400, "invite_unknown", "邀请码无效或已失效", "This invite is not valid or no longer valid"),
    entry(400, "unknown_session", "该登录会话不存在", "There is no such session"),
    entry(400, "unknown_user", "该用户不存在", "There is no such user"),
    entry(400, "unknown_request", "该好友申请不存在", "There is no such friendship request"),
    entry(400, "unknown_conversation", "该会话不存在", "There is no such conversation"),
    entry(400, "unknown_message", "该消息不存在", "There is no such message"),
    entry(400, "cannot_befriend_oneself", "不能添加自己为好友", "You cannot add yourself as a friend"),
    entry(400, "cannot_message_oneself", "不能给自己发消息", "You cannot send a message to yourself"),
    entry(400, "cannot_block_oneself", "不能拉黑自己", "You cannot block yourself"),
    entry(400, "origin_not_allowed", "不允许从该网站访问", "Pages of this origin may not call the API"),
    entry(401, "missing_token", "请先登录", "Please log in first"),
    entry(401, "invalid_token", "登录凭证无效，请重新登录", "The token is not valid, please log in again"),
    entry(401, "token_expired", "登录凭证已过期", "The token has expired"),
    entry(401, "session_ended", "登录已失效，请重新登录", "The session has ended, please log in again"),
    entry(401, "invalid_credentials", "账号或密码错误", "Wrong account or password"),
    entry(404, "unknown_route", "没有这个接口", "There is no such route"),
    entry(405, "method_not_allowed", "该接口不支持这个请求方法", "This route does not support this method"),
    entry(408, "request_timeout", "请求超时", "The request took too long to arrive"),
    entry(409, "already_friends", "你们已经是好友了", "You are already friends"),
    entry(409, "request_already_pending", "好友申请已发送，请等待对方验证", "Your request is already waiting for an answer"),
    entry(409, "pending_request_limit_reached", "等待验证的好友申请已达上限，请等待对方处理或撤回部分申请",
        "Too many of your requests are waiting for an answer; wait or withdraw some of them"),
    entry(409, "friend_limit_reached", "你的好友数量已达上限", "You have reached the limit of friends"),
    entry(409, "friend_limit_of_other_reached", "对方的好友数量已达上限",
        "The other user has reached the limit of friends"),
    entry(409, "request_already_answered", "该好友申请已处理", "This friendship request was already answered"),
    entry(409, "request_expired", "该好友申请已过期", "This friendship request has expired"),
    entry(409, "not_friends", "对方开启了朋友验证，你还不是他（她）朋友。请先发送朋友验证请求，对方验证通过后，才能聊天。",
        "You are not friends. Send a friendship request first; you can chat once it is accepted."),
    entry(409, "blocked", "消息已发出，但被对方拒收了。", "Your message was sent, but the other user refused it."),
    entry(409, "recall_window_over", "已超过撤回时限，无法撤回", "It is too late to recall this message"),
    entry(409, "refresh_token_reused", "刷新令牌已被使用", "The refresh token was already used"),
    entry(409, "idempotency_conflict", "相同的 client_message_id 已用于另一条消息",
        "This client_message_id was already used for another message"),
    entry(409, "registration_closed", "该服务器暂不开放注册", "This server accepts no registrations"),
    entry(413, "payload_too_large", "请求体过大", "The body is too large"),
    entry(415, "unsupported_media_type", "请求体必须是 JSON", "The body must be JSON"),
    entry(429, "too_many_attempts", "密码错误次数过多，请稍后再试", "Too many wrong passwords, please try again later"),
    entry(429, "message_quota_used_up", "发送消息过于频繁，请稍后再试", "You are sending messages too quickly, please try again later"),
    entry(429, "message_volume_used_up", "发送内容过多，请稍后再试", "You are sending too much text, please try again later"),
    entry(429, "request_quota_used_up", "发送好友申请过于频繁，请稍后再试",
        "You are sending friendship requests too quickly, please try again later"),
    entry(429, "pair_request_quota_used_up", "已多次向对方发送好友申请，请稍后再试",
        "You have asked this user several times, please try again later"),
    entry(429, "lookup_quota_used_up", "查找过于频繁，请稍后再试", "You are looking up users too quickly, please try again later"),
    entry(429, "uid_change_quota_used_up", "微信号修改过于频繁，请稍后再试",
        "You are changing the uid too often, please try again later"),
    entry(429, "registration_quota_used_up", "注册过于频繁，请稍后再试", "Too many registrations, please try again later"),
    entry(429, "too_many_requests", "同时进行的操作过多，请稍后再试", "Too many of your requests are in progress, please try again shortly"),
    entry(429, "too_many_searches", "正在搜索中，请稍后再试", "Your last search is still running, please try again shortly"),
    entry(429, "export_in_progress", "正在导出数据，请等待完成", "An export of this account is in progress, please wait until it is complete"),
    entry(429, "export_quota_used_up", "导出数据过于频繁，请稍后再试", "This account was exported recently, please try again later"),
    entry(500, "internal_error", "服务器内部错误", "Internal server error"),
    entry(503, "unavailable", "服务暂时不可用，请稍后再试", "The service is unavailable, please try again later"),
];

/// The text of `blocked` where a friendship request was refused instead of a message.
pub(crate) const BLOCKED_REQUEST: CatalogEntry = entry(
    409,
    "blocked",
    "对方拒绝接收你的好友申请。",
    "The other user refuses friendship requests from you.",
);

/// The entry of a name. An unknown name is a server fault and yields `internal_error`.
pub(crate) fn find(name: &str) -> &'static CatalogEntry {
    const INTERNAL: CatalogEntry = entry(500, "internal_error", "服务器内部错误", "Internal server error");
    CATALOG.iter().find(|entry| entry.name == name).unwrap_or(&INTERNAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_has_both_languages() {
        for (place, entry) in CATALOG.iter().enumerate() {
            let repeated = CATALOG.iter().skip(place + 1).any(|other| other.name == entry.name);
            assert!(!repeated, "{} is listed twice", entry.name);
            assert!(entry.english.is_ascii() && !entry.english.is_empty(), "{}", entry.name);
            assert!(!entry.chinese.is_ascii(), "{}", entry.name);
            assert!(
                entry.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{}",
                entry.name
            );
        }
        assert_eq!(find("no_such_name").code, 500);
    }

    #[test]
    fn entries_are_ordered_by_code() {
        assert!(CATALOG.is_sorted_by_key(|entry| entry.code));
    }
}
