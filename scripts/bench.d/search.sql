-- Ten million messages of other users and 100,000 of each of two users: `:one` has them in one conversation, `:many` in 1,000.
-- All are interleaved in time, as in real use. The search blocks are filled here as the server's indexer would fill them: these texts
-- have no letters for which lower() differs from its folding.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET work_mem = '512MB';
SET maintenance_work_mem = '1GB';
SELECT setseed(0.42);
-- Keeps the indexer of the running server away from the blocks.
SELECT pg_advisory_lock(x'736561726368'::bigint);
CREATE TEMP TABLE words AS SELECT array_agg(w) AS w, count(*)::int - 1 AS most FROM unnest(string_to_array(
    '的,我,是,你,好的,了,不,吗,今天,什么,一个,这个,我们,没有,可以,知道,时候,现在,怎么,就是,他们,觉得,吃饭,明天,晚上,公司,ok,hello,谢谢,'
    '回家,工作,开会,周末,电影,学校,老师,孩子,朋友,手机,照片,地铁,下雨,咖啡,meeting,项目,deadline,代码,bug,测试,上线,服务器,Postgres,'
    '火锅,北京,上海,广州,机票,酒店,旅行,生日,快乐,哈哈哈,😀,👍,加油,辛苦,早安,晚安,再见,等一下,马上,路上,堵车,快递,外卖,打车,'
    '医院,感冒,多喝水,健身,跑步,游泳,篮球,足球,音乐,小说,历史,数学,物理,英语,考试,毕业,论文,please,thanks,Monday,Friday,'
    'report,budget,客户,合同,发票,报销,工资,奖金,房租,装修,家具,空调,冰箱,电梯,停车,加油站,慢慢,小心,安全,身体,健康', ',')) w;
CREATE FUNCTION pg_temp.say(w text[], most int, count int) RETURNS text LANGUAGE sql VOLATILE AS $$
    -- The first words are the most frequent.
    SELECT string_agg(w[1 + (power(random(), 1.7) * most)::int], CASE WHEN n % 5 = 3 THEN '，' ELSE '' END)
      FROM generate_series(1, count) n
$$;
INSERT INTO users (id, uid, name, password_hash)
    SELECT gen_random_uuid(), 'filler_' || n, 'Filler ' || n, '' FROM generate_series(1, 2000) n;
CREATE TEMP TABLE fillers AS SELECT row_number() OVER () AS n, id FROM users WHERE uid LIKE 'filler\_%';
CREATE TEMP TABLE pairs AS
    SELECT gen_random_uuid() AS id, a.id AS one, b.id AS other, 100 AS messages
      FROM generate_series(1, 100000) AS s (i)
      JOIN fillers a ON a.n = 1 + i % 1000
      JOIN fillers b ON b.n = 1001 + (i * 7 + i / 1000) % 1000
     UNION ALL
    SELECT gen_random_uuid(), :'one'::uuid, id, 100000 FROM fillers WHERE n = 1
     UNION ALL
    SELECT gen_random_uuid(), :'many'::uuid, id, 92 + (n % 17)::int FROM fillers WHERE n <= 1000;
INSERT INTO conversations (id, user_lo, user_hi, friends, befriended_at, last_seq, lo_sent, hi_sent, last_at)
    SELECT id, least(one, other), greatest(one, other), true, now() - interval '2 years', messages,
           CASE WHEN one < other THEN (messages + 1) / 2 ELSE messages / 2 END,
           CASE WHEN one < other THEN messages / 2 ELSE (messages + 1) / 2 END, now()
      FROM pairs;
INSERT INTO conversation_members (conversation_id, user_id, peer_id)
    SELECT id, one, other FROM pairs UNION ALL SELECT id, other, one FROM pairs;
INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, client_message_id, content, created_at)
    SELECT p.id, k, CASE WHEN k % 2 = 1 THEN p.one ELSE p.other END, (k + 1) / 2, gen_random_uuid()::text,
           pg_temp.say(w.w, w.most, 3 + (random() * 10)::int) || CASE WHEN random() < 0.00005 THEN '麒麟' ELSE '' END, p.at
      FROM words w, (
           SELECT p.*, k, now() - interval '400 days' + ((k - random() * 0.9) / messages) * interval '399 days' AS at
             FROM pairs p, generate_series(1, messages) k ORDER BY at) p;
UPDATE conversations c SET last_at = m.created_at
  FROM messages m WHERE m.conversation_id = c.id AND m.seq = c.last_seq;
INSERT INTO search_progress (conversation_id, indexed_seq) SELECT id, messages FROM pairs;
INSERT INTO search_blocks (conversation_id, block, times, folded)
    SELECT m.conversation_id, (m.seq - 1) / 32, array_agg(m.created_at ORDER BY m.seq),
           string_agg(lower(m.content), E'\x1f' ORDER BY m.seq)
      FROM messages m
     GROUP BY 1, 2 ORDER BY max(m.created_at);
VACUUM ANALYZE;
CHECKPOINT;
