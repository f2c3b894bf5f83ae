/* The table of errors and return codes (GB/T 38963 annex B in form; the numbers are ours).
 * PHI_ROW(symbol, stable name, return code, HTTP status, retryable, Chinese, English)
 * 0000 success; 1xxx malformed request; 2xxx the code; 3xxx who you are and may do; 4xxx the data;
 * 5xxx a neighbour or overload; 9xxx ours. Included more than once on purpose: no guard. */
PHI_ROW(OK, "ok", "0000", 200, 0, "成功", "success")

PHI_ROW(ERR_BODY_TOO_LARGE, "body_too_large", "1001", 413, 0, "请求体过大",
        "the body is over its bound")
PHI_ROW(ERR_CONTENT_TYPE, "content_type", "1002", 415, 0, "内容类型不支持",
        "content type not supported")
PHI_ROW(ERR_JSON, "json", "1003", 400, 0, "不是有效的JSON", "not a valid JSON text in UTF-8")
PHI_ROW(ERR_FIELD_MISSING, "field_missing", "1004", 400, 0, "缺少字段", "a field is missing")
PHI_ROW(ERR_FIELD_TYPE, "field_type", "1005", 400, 0, "字段类型错误", "a field has the wrong type")
PHI_ROW(ERR_FIELD_VALUE, "field_value", "1006", 400, 0, "字段取值错误",
        "a field has a value out of bounds")
PHI_ROW(ERR_FIELD_UNKNOWN, "field_unknown", "1007", 400, 0, "未知字段", "a field is not known here")
PHI_ROW(ERR_HEADER, "header", "1008", 400, 0, "请求头错误", "a header is malformed")
PHI_ROW(ERR_NO_ROUTE, "no_route", "1009", 404, 0, "接口不存在", "no such interface")
PHI_ROW(ERR_METHOD, "method", "1010", 405, 0, "方法不支持", "method not supported here")
PHI_ROW(ERR_FRAME, "frame", "1011", 400, 0, "报文格式错误", "malformed frame")
PHI_ROW(ERR_QUERY, "query", "1012", 400, 0, "查询参数错误", "a query parameter is malformed")

PHI_ROW(ERR_CODE_MALFORMED, "code_malformed", "2001", 200, 0, "健康码格式错误", "not a health code")
PHI_ROW(ERR_CODE_SIGNATURE, "code_signature", "2002", 200, 0, "健康码签名无效",
        "the code's signature does not verify")
PHI_ROW(ERR_CODE_EXPIRED, "code_expired", "2003", 200, 0, "健康码已过期", "the code has expired")
PHI_ROW(ERR_CODE_USED, "code_used", "2004", 200, 0, "健康码已使用", "the one-time code was used")
PHI_ROW(ERR_CODE_REVOKED, "code_revoked", "2005", 200, 0, "健康码已撤销", "the code was revoked")
PHI_ROW(ERR_CODE_PLATFORM, "code_platform", "2006", 200, 0, "制码平台未知",
        "the issuing platform is not known")
PHI_ROW(ERR_CODE_SUSPENDED, "code_suspended", "2007", 200, 0, "制码平台已停用",
        "the issuing platform is not in force")
PHI_ROW(ERR_CODE_VERSION, "code_version", "2008", 200, 0, "健康码类型或版本不支持",
        "version or type of the code not supported")

PHI_ROW(ERR_UNSIGNED, "unsigned", "3001", 401, 0, "请求未签名", "the request is not signed")
PHI_ROW(ERR_SIGNATURE, "signature", "3002", 401, 0, "请求签名错误",
        "the request's signature does not verify")
PHI_ROW(ERR_APP_UNKNOWN, "app_unknown", "3003", 401, 0, "应用未登记",
        "the app or its key is not registered")
PHI_ROW(ERR_APP_SUSPENDED, "app_suspended", "3004", 403, 0, "应用已停用", "the app is suspended")
PHI_ROW(ERR_TIMESTAMP, "timestamp", "3005", 401, 0, "请求时间超出范围",
        "the request's timestamp is out of range")
PHI_ROW(ERR_NONCE, "nonce", "3006", 401, 0, "请求重放", "the nonce was used before")
PHI_ROW(ERR_IDENTITY_MISSING, "identity_missing", "3007", 401, 0, "缺少身份凭证",
        "no identity token")
PHI_ROW(ERR_IDENTITY, "identity", "3008", 401, 0, "身份凭证无效",
        "the identity token does not verify")
PHI_ROW(ERR_IDENTITY_EXPIRED, "identity_expired", "3009", 401, 0, "身份凭证已过期",
        "the identity token has expired")
PHI_ROW(ERR_BIOMETRIC, "biometric", "3010", 403, 0, "未经生物特征识别",
        "no biometric factor in the identity token")
PHI_ROW(ERR_REAL_NAME, "real_name", "3011", 403, 0, "未经实名认证",
        "the identity token is not of real-name level")
PHI_ROW(ERR_FORBIDDEN, "forbidden", "3012", 403, 0, "无权调用", "the caller may not do this")
PHI_ROW(ERR_RECEIPT, "receipt", "3013", 403, 0, "验码回执无效", "the receipt is not valid here")
PHI_ROW(ERR_NOT_HOLDER, "not_holder", "3014", 403, 0, "非本人", "this belongs to another person")
PHI_ROW(ERR_CONSENT, "consent", "3015", 403, 0, "未取得授权同意",
        "no consent of the person is recorded")
PHI_ROW(ERR_MINOR, "minor", "3016", 403, 0, "未成年人须由监护人代办",
        "a minor is applied for by a guardian")
PHI_ROW(ERR_MANDATE, "mandate", "3017", 403, 0, "代办授权无效",
        "the mandate to act on behalf is not valid here")

PHI_ROW(ERR_NOT_FOUND, "not_found", "4001", 404, 0, "未找到", "not found")
PHI_ROW(ERR_CONFLICT, "conflict", "4002", 409, 0, "同一流水号内容不同",
        "the same number came with other content")
PHI_ROW(ERR_STATE, "state", "4003", 409, 0, "当前状态不允许", "not possible in the present state")
PHI_ROW(ERR_RULE, "rule", "4004", 422, 0, "数据不符合业务规则", "the data break a rule")
PHI_ROW(ERR_NO_BASIC, "no_basic", "4005", 422, 0, "尚未申报基本信息",
        "basic information was not declared yet")
PHI_ROW(ERR_APPLICATION, "application", "4006", 422, 0, "调用申请无效",
        "no such application in force")
PHI_ROW(ERR_DATA_BROKEN, "data_broken", "4007", 422, 0, "数据损坏",
        "stored or carried data do not verify")
PHI_ROW(ERR_ERASED, "erased", "4008", 404, 0, "已删除", "erased at the person's wish")

PHI_ROW(ERR_OVERLOAD, "overload", "5001", 503, 1, "系统繁忙", "too much at once, try again")
PHI_ROW(ERR_DEADLINE, "deadline", "5002", 503, 1, "处理超时", "not done within the deadline")
PHI_ROW(ERR_NEIGHBOUR, "neighbour", "5003", 503, 1, "相邻服务不可用",
        "a neighbouring service did not answer")
PHI_ROW(ERR_ISSUER, "issuer", "5004", 200, 1, "制码平台不可达",
        "the issuer can't be reached; checked in part")
PHI_ROW(ERR_STORE, "store", "5005", 503, 1, "数据库不可用", "the database did not answer")
PHI_ROW(ERR_BUS, "bus", "5006", 503, 1, "消息总线不可用", "the message bus did not answer")
PHI_ROW(ERR_DRAINING, "draining", "5007", 503, 1, "服务正在停止", "the service is stopping")
PHI_ROW(ERR_THROTTLED, "throttled", "5008", 429, 1, "请求过于频繁", "too many requests")
PHI_ROW(ERR_KEY_DEVICE, "key_device", "5009", 503, 1, "密码设备不可用",
        "the crypto device did not answer")
PHI_ROW(ERR_FENCED, "fenced", "5010", 503, 1, "分区已由他人接管",
        "another replica owns this partition now")

PHI_ROW(ERR_INTERNAL, "internal", "9001", 500, 0, "内部错误", "an error of ours")
PHI_ROW(ERR_MEMORY, "memory", "9002", 500, 1, "内存不足", "out of memory")
PHI_ROW(ERR_CRYPTO, "crypto", "9003", 500, 0, "密码运算失败", "a cryptographic operation failed")
PHI_ROW(ERR_CONFIG, "config", "9004", 500, 0, "配置错误", "the configuration is wrong")
PHI_ROW(ERR_IO, "io", "9005", 500, 0, "文件读写失败", "a file could not be read or written")
PHI_ROW(ERR_KEY, "key", "9006", 500, 0, "密钥不可用", "a key is missing or can't be used")
