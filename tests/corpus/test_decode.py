"""Every charset is proved, binary data is never guessed at, and Unicode survives unchanged."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.decode import Decoded, decode

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"))
JAPANESE = "/* これは日本語のコメントです。関数を呼び出します。 */\nint main(void);\r\n"
RUSSIAN = "/* Эта функция возвращает значение указателя */\nint main(void);\n"
CHINESE = "// 这个函数返回指针的值用于测试编码检测\nint main(void);\n"
KOREAN = "// 이 함수는 포인터의 값을 반환합니다\nint main(void);\n"
GERMAN = "// Größe für den Rückgabewert überprüfen\nint main(void);\n"
TAIWANESE = "// 這個函式會傳回指標的數值並用來測試編碼偵測\nint main(void);\n"
POLISH = "// Sprawdź, czy wartość żądana jest późniejsza niż bieżąca\nint main(void);\n"
HUNGARIAN = "// A mező értéke később törlődik, ha a gyűjtemény üres\nint main(void);\n"
GREEK = "// Επιστρέφει την τιμή του δείκτη ή μηδέν\nint main(void);\n"
TURKISH = "// Değişkenin değerini döndürür ve seçilmiş öğeyi günceller\nint main(void);\n"
THAI = "// คืนค่าของตัวชี้ หรือศูนย์ถ้าไม่มี\nint main(void);\n"
HEBREW = "// מחזיר את ערך המצביע או אפס\nint main(void);\n"
ARABIC = "// يعيد قيمة المؤشر أو صفرا\nint main(void);\n"
FRENCH = "// Vérifie que la clé a été créée après l'événement précédent\nint main(void);\n"
# Charsets that spell some characters in two ways, so that a text has more than one file.
TWO_SPELLINGS = ("cp932", "cp949", "big5hkscs", "euc_jis_2004", "iso2022_jp", "iso2022_jp_ext")


@given(ANY_TEXT)
def test_utf8_survives_with_its_line_ends(text: str) -> None:
    decoded = decode(text.encode())
    if "\x1b$" not in text:
        assert decoded == Decoded(text, "utf-8")


@given(
    ANY_TEXT,
    st.sampled_from(
        [
            (codecs.BOM_UTF8, "utf-8"),
            (codecs.BOM_UTF16_LE, "utf-16-le"),
            (codecs.BOM_UTF16_BE, "utf-16-be"),
            (codecs.BOM_UTF32_LE, "utf-32-le"),
            (codecs.BOM_UTF32_BE, "utf-32-be"),
        ]
    ),
)
def test_a_byte_order_mark_decides_and_is_stripped(text: str, kind: tuple[bytes, str]) -> None:
    bom, encoding = kind
    assert decode(bom + text.encode(encoding)) == Decoded(text, encoding)


@given(st.binary(max_size=2000))
def test_any_bytes_give_a_text_without_nul_or_a_reason(data: bytes) -> None:
    decoded = decode(data)
    if isinstance(decoded, Decoded):
        assert "\0" not in decoded.text
    else:
        assert decoded == "binary" or b"\0" not in data or data[:1] in b"\xef\xff\xfe\0"


@given(st.binary(max_size=400) | st.text(max_size=60).map(lambda text: text.encode("gb18030")))
def test_a_decoded_text_gives_the_same_bytes_again(data: bytes) -> None:
    decoded = decode(data)
    assert decoded == decode(data)
    if isinstance(decoded, Decoded):
        again = decoded.text.encode(decoded.encoding)
        assert again.decode(decoded.encoding) == decoded.text
        assert data.endswith(again) or decoded.encoding in TWO_SPELLINGS


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["int main(void) { return 0; }\r\n", GERMAN, RUSSIAN])
def test_wide_unicode_is_found_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == Decoded(text, encoding)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (CHINESE, "gb18030"),
        (KOREAN, "euc_kr"),
        (GERMAN, "latin_1"),
        (TAIWANESE, "big5"),
        (POLISH, "iso8859_2"),
        (POLISH, "cp1250"),
        (HUNGARIAN, "iso8859_2"),
        (GREEK, "cp1253"),
        (TURKISH, "cp1254"),
        (THAI, "cp874"),
        (HEBREW, "cp1255"),
        (ARABIC, "cp1256"),
        (GERMAN, "cp850"),
        (FRENCH, "cp850"),
        (FRENCH, "mac_roman"),
        ("/* usage: «%s» */\n", "latin_1"),
        ("/* geïnstalleerd */\n", "latin_1"),
    ],
)
def test_legacy_charsets_are_restored_exactly(text: str, encoding: str) -> None:
    decoded = decode(("#include <stdio.h>\n" * 200 + text).encode(encoding))
    assert isinstance(decoded, Decoded)
    assert decoded.text.removeprefix("#include <stdio.h>\n" * 200) == text


@pytest.mark.parametrize("data", [b"\0", b"ab\0cd", b"\x7fELF\0\0\0\1", bytes(range(256)) * 8])
def test_nul_bytes_are_binary_before_any_guess(data: bytes) -> None:
    assert decode(data) == "binary"


def test_a_nul_character_in_utf16_is_binary() -> None:
    assert decode(codecs.BOM_UTF16_LE + "a\0b".encode("utf-16-le")) == "binary"


@pytest.mark.parametrize(
    "data", [codecs.BOM_UTF8 + b"caf\xe9", codecs.BOM_UTF16_LE + b"a\0b", bytes(range(1, 256)) * 99]
)
def test_what_no_charset_fits_is_undecodable(data: bytes) -> None:
    assert decode(data) == "undecodable"


def test_a_long_line_of_legacy_text_is_not_cut_within_a_character() -> None:
    text = "漢字かな混じり文。" * 5000
    assert decode(text.encode("shift_jis")) == Decoded(text, "cp932")


def test_japanese_without_a_mark_may_hold_characters_with_a_low_nul_byte() -> None:
    text = "// 引数を　一つ　返す\nint main(void) { return 0; }\n" * 3
    assert decode(text.encode("utf-16-be")) == Decoded(text, "utf-16-be")


@pytest.mark.parametrize("encoding", ["euc_jis_2004", "iso2022_jp_ext"])
def test_the_webs_wider_japanese_is_no_reason_to_drop_a_file(encoding: str) -> None:
    text = JAPANESE + ("// ①これは関数の説明です\n" if encoding == "euc_jis_2004" else "// ｺﾒﾝﾄ\n")
    assert decode(text.encode(encoding)) == Decoded(text, encoding)


def test_utf8_with_a_stray_latin1_name_is_not_spoilt_by_one_charset() -> None:
    lines = [*(f"// Größe {i}\n".encode() for i in range(3)), b"// Andr\xe9\n"]
    assert decode(b"".join(lines)) == "undecodable"


def test_capitals_inside_words_give_a_wrong_charset_away() -> None:
    decoded = decode(b"// f\x81r gr\x94\xe1ere L\x84nge\n")
    assert decoded == Decoded("// für größere Länge\n", "cp850")
