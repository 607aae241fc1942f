//! Content negotiation: the language of messages, from `Accept-Language`.
//!
//! The parser is more lenient than RFC 9110 and than actix's `AcceptLanguage`: it accepts `q=.5`, and skips what it cannot
//! read.

use std::cmp::Ordering;

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use actix_web::{HttpRequest, web};

/// A language of the texts for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    /// The default of the setting.
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// All languages.
    pub(crate) const ALL: [Self; 2] = [Self::Chinese, Self::English];

    /// The language for clients that ask for none of them.
    pub(crate) const fn by_default(english: bool) -> Self {
        if english { Self::English } else { Self::Chinese }
    }

    /// The code of the language, as in `Accept-Language`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    /// The language of a request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let otherwise = request.app_data::<web::Data<Self>>().map_or(Self::default(), |language| ***language);
        Self::from_headers(request.headers(), otherwise)
    }

    /// The language that the client prefers; `otherwise` if it prefers neither. At equal quality the first one counts; `*` stands for
    /// a language that is not named.
    fn from_headers(headers: &HeaderMap, otherwise: Self) -> Self {
        let (mut chinese, mut english, mut any) = (None, None, None);
        let entries = headers.get_all(ACCEPT_LANGUAGE).filter_map(|value| value.to_str().ok());
        for (position, entry) in entries.flat_map(|value| value.split(',')).enumerate() {
            let (tag, quality) = parse_entry(entry);
            let primary = tag.split('-').next().unwrap_or_default();
            let best = match primary.to_ascii_lowercase().as_str() {
                "zh" => &mut chinese,
                "en" => &mut english,
                "*" => &mut any,
                _ => continue,
            };
            let better = best.is_none_or(|(known, _)| quality > known);
            if better {
                *best = Some((quality, position));
            }
        }
        let or_any = |named: Option<(u16, usize)>| named.or(any).unwrap_or((0, usize::MAX));
        let (chinese, english) = (or_any(chinese), or_any(english));
        // A greater quality first, then an earlier position.
        match (english.0.cmp(&chinese.0)).then(chinese.1.cmp(&english.1)) {
            _ if english.0 == 0 && chinese.0 == 0 => otherwise,
            Ordering::Greater => Self::English,
            Ordering::Less => Self::Chinese,
            Ordering::Equal => otherwise,
        }
    }
}

/// Parses `tag;q=0.5`. The quality is in thousandths: 1000 by default, 0 if it is not a number.
pub(crate) fn parse_entry(entry: &str) -> (&str, u16) {
    let mut parts = entry.split(';').map(str::trim);
    let tag = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let Some(quality) = quality else { return (tag, 1000) };
    let number = quality.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1 above")]
    let thousandths = (number * 1000.0) as u16;
    (tag, thousandths)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn language(header: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(header).unwrap());
        Language::from_headers(&headers, Language::Chinese)
    }

    #[test]
    fn the_language_is_chinese_unless_english_is_preferred() {
        assert_eq!(Language::from_headers(&HeaderMap::new(), Language::Chinese), Language::Chinese);
        for header in [
            "zh",
            "zh-CN,en;q=0.9",
            "",
            "fr",
            "*",
            "en;q=0",
            "en;q=0.5, *;q=0.8",
            "en;q=x",
            "fr, zh;q=.1, en;q=0.05",
            "*, en",
            "en;q=0, *",
        ] {
            assert_eq!(language(header), Language::Chinese, "{header}");
        }
        for header in ["", "fr", "*", "fr;q=0.5, *;q=0.1", "zh;q=0", "en;q=0, zh;q=0"] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(header).unwrap());
            for otherwise in Language::ALL {
                assert_eq!(Language::from_headers(&headers, otherwise), otherwise, "{header}");
            }
        }
        for header in [
            "en",
            "en-GB",
            "EN;Q=0.3",
            "fr, en;q=.5",
            "en, zh",
            "en-US,en;q=0.9,zh;q=0.8",
            "zh;q=0.1,en",
            "zh;q=0, *",
        ] {
            assert_eq!(language(header), Language::English, "{header}");
        }
    }
}
