//! Texts for users in Chinese and English, apart from the error catalogue.

use domain::error::Rule;

use crate::http::language::Language;
use crate::response::invalid_field::FieldRule;

/// The `message` of a successful response.
pub(crate) const fn success(language: Language) -> &'static str {
    match language {
        Language::Chinese => "成功",
        Language::English => "Success",
    }
}

/// The display name of an erased account.
pub(crate) const fn erased_account(language: Language) -> &'static str {
    match language {
        Language::Chinese => "已注销",
        Language::English => "Deleted account",
    }
}

/// The rule that a field of the wrong type breaks.
pub(crate) const fn wrong_type(language: Language) -> &'static str {
    match language {
        Language::Chinese => "类型不正确",
        Language::English => "it has the wrong type",
    }
}

/// The rule of a field in words.
pub(crate) fn rule(rule: FieldRule, language: Language) -> String {
    match (rule, language) {
        (FieldRule::Domain(rule), Language::Chinese) => chinese(rule),
        (FieldRule::Domain(rule), Language::English) => rule.to_string(),
        (FieldRule::Cursor, Language::Chinese) => "不是有效的游标".to_owned(),
        (FieldRule::Cursor, Language::English) => "it is not a valid cursor of this list".to_owned(),
        (FieldRule::Exclusive(other), Language::Chinese) => format!("不能与 {other} 同时使用"),
        (FieldRule::Exclusive(other), Language::English) => {
            format!("it cannot be used together with {other}")
        }
    }
}

fn chinese(rule: Rule) -> String {
    match rule {
        Rule::Length { min, max } => format!("长度须为 {min} 到 {max} 个字符"),
        Rule::Characters => "含有不允许的字符".to_owned(),
        Rule::NotBlank => "不能只有空白字符".to_owned(),
        Rule::Uid => "须为 6 到 20 个字母、数字、下划线或减号，并以字母开头".to_owned(),
        Rule::PhoneNumber => "须为以 1 开头的 11 位数字".to_owned(),
        Rule::NotCommon => "过于常见，容易被猜到".to_owned(),
        Rule::NotIdentity => "不能与微信号或昵称相同".to_owned(),
        Rule::NotReserved => "为系统保留，不能使用".to_owned(),
        Rule::Id => "不是有效的标识".to_owned(),
        Rule::Range { min, max } => format!("须为 {min} 到 {max} 之间的整数"),
        Rule::OneOf(words) => format!("须为以下之一：{}", words.join("、")),
    }
}
