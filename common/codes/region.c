#include "codes/region.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct province {
    char code[3];
    const char *name;
};

static const struct province provinces[] = {
    {"11", "北京市"},           {"12", "天津市"},         {"13", "河北省"},
    {"14", "山西省"},           {"15", "内蒙古自治区"},   {"21", "辽宁省"},
    {"22", "吉林省"},           {"23", "黑龙江省"},       {"31", "上海市"},
    {"32", "江苏省"},           {"33", "浙江省"},         {"34", "安徽省"},
    {"35", "福建省"},           {"36", "江西省"},         {"37", "山东省"},
    {"41", "河南省"},           {"42", "湖北省"},         {"43", "湖南省"},
    {"44", "广东省"},           {"45", "广西壮族自治区"}, {"46", "海南省"},
    {"50", "重庆市"},           {"51", "四川省"},         {"52", "贵州省"},
    {"53", "云南省"},           {"54", "西藏自治区"},     {"61", "陕西省"},
    {"62", "甘肃省"},           {"63", "青海省"},         {"64", "宁夏回族自治区"},
    {"65", "新疆维吾尔自治区"}, {"71", "台湾省"},         {"81", "香港特别行政区"},
    {"82", "澳门特别行政区"},
};

static const struct province *province_of(const uint8_t *two_digits)
{
    for (size_t i = 0; i < sizeof(provinces) / sizeof(provinces[0]); i++) {
        if (memcmp(provinces[i].code, two_digits, 2) == 0)
            return &provinces[i];
    }
    return NULL;
}

bool phi_province_is_valid(struct phi_view two_digits)
{
    return two_digits.len == 2 && province_of(two_digits.data) != NULL;
}

bool phi_region_is_valid(struct phi_view six_digits)
{
    if (six_digits.len != PHI_REGION_LEN || !phi_text_is_digits(six_digits))
        return false;
    bool has_city = memcmp(six_digits.data + 2, "00", 2) != 0;
    bool has_district = memcmp(six_digits.data + 4, "00", 2) != 0;
    return (has_city || !has_district) && province_of(six_digits.data) != NULL;
}

bool phi_platform_is_valid(struct phi_view six_digits)
{
    return phi_view_equal(six_digits, phi_view_text(PHI_REGION_NATION)) ||
           phi_region_is_valid(six_digits);
}

const char *phi_region_name_zh(const char *code)
{
    if (strcmp(code, PHI_REGION_NATION) == 0)
        return "全国";
    if (strlen(code) < 2)
        return NULL;
    const struct province *found = province_of((const uint8_t *)code);
    return found ? found->name : NULL;
}

/* GB/T 2659, three letters each, sorted. */
static const char countries[] = "ABWAFGAGOAIAALAALBANDAREARGARMASMATAATFATGAUSAUTAZEBDIBELBENBESBFA"
                                "BGDBGRBHRBHSBIHBLMBLRBLZBMUBOLBRABRBBRNBTNBVTBWACAFCANCCKCHECHLCHN"
                                "CIVCMRCODCOGCOKCOLCOMCPVCRICUBCUWCXRCYMCYPCZEDEUDJIDMADNKDOMDZAECU"
                                "EGYERIESHESPESTETHFINFJIFLKFRAFROFSMGABGBRGEOGGYGHAGIBGINGLPGMBGNB"
                                "GNQGRCGRDGRLGTMGUFGUMGUYHKGHMDHNDHRVHTIHUNIDNIMNINDIOTIRLIRNIRQISL"
                                "ISRITAJAMJEYJORJPNKAZKENKGZKHMKIRKNAKORKWTLAOLBNLBRLBYLCALIELKALSO"
                                "LTULUXLVAMACMAFMARMCOMDAMDGMDVMEXMHLMKDMLIMLTMMRMNEMNGMNPMOZMRTMSR"
                                "MTQMUSMWIMYSMYTNAMNCLNERNFKNGANICNIUNLDNORNPLNRUNZLOMNPAKPANPCNPER"
                                "PHLPLWPNGPOLPRIPRKPRTPRYPSEPYFQATREUROURUSRWASAUSDNSENSGPSGSSHNSJM"
                                "SLBSLESLVSMRSOMSPMSRBSSDSTPSURSVKSVNSWESWZSXMSYCSYRTCATCDTGOTHATJK"
                                "TKLTKMTLSTONTTOTUNTURTUVTWNTZAUGAUKRUMIURYUSAUZBVATVCTVENVGBVIRVNM"
                                "VUTWLFWSMYEMZAFZMBZWE";

static int by_letters(const void *a, const void *b)
{
    return memcmp(a, b, 3);
}

bool phi_country_is_valid(struct phi_view three_letters)
{
    return three_letters.len == 3 && bsearch(three_letters.data, countries,
                                             (sizeof(countries) - 1) / 3, 3, by_letters) != NULL;
}
