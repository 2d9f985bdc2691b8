<?php

declare(strict_types=1);
require __DIR__ . '/../src/blog.php';

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_token();
    $insert = database()->prepare('INSERT INTO posts (title, body) VALUES (?, ?)');
    $insert->execute([posted_line('title', 200), mb_substr(posted_text('body'), 0, 15000)]);
    $id = (int) database()->lastInsertId();
    log_event("post $id published");
    header("Location: /post.php?id=$id", true, 303);
    exit;
}

show_page('Write a post', <<<'HTML'
    <form method="post" action="/write.php">
      <label>Title <input name="title" maxlength="200" required></label>
      <label>Text <textarea name="body" rows="12" maxlength="15000" required></textarea></label>
      <label>Token <input name="token" type="password" required></label>
      <button>Publish</button>
    </form>
    HTML);
